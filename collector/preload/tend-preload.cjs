'use strict';
// Runs inside a Node worker before its own code (NODE_OPTIONS=--require) and reports, once a second
// on the descriptor TEND_TELEMETRY_FD, how late its event loop ran, what its garbage collection, heap and
// handles are up to, and which errors nobody caught (frames: collector/telemetry_frame.h).
// On the worker's channel, if it has one, it is told to let go of its connections (NODE_TEND_DRAIN)
// and, in one that began with TEND_HOLD, to begin to take some (NODE_TEND_RELEASE).
//
// Never throws, never keeps the process alive, never speaks on any other descriptor, and leaves the
// environment as the user wrote it. Silent in worker threads and in what the worker starts.
(function tendPreload() {
  // What an app listens on is bound and seen as listening, but does not take connections yet: the
  // handles that the cluster gives to servers note a listen() until they are released.
  const holdBack = () => {
    const cluster = require('cluster');
    const { getSystemErrorName, getSystemErrorMap } = require('util');
    const { nextTick } = process;
    const getServer = cluster._getServer;
    if (!cluster.isWorker || typeof getServer !== 'function') return () => {};
    let waiting = [];
    const fail = (server, handle, number) => {
      const name = getSystemErrorName(number);
      const known = getSystemErrorMap ? getSystemErrorMap().get(number) : undefined;
      const error = new Error(`listen ${name}${known ? `: ${known[1]}` : ''}`);
      Object.assign(error, { code: name, errno: number, syscall: 'listen' });
      handle.close();
      server._handle = null;
      // As Node does: without a listener it ends the app.
      nextTick(() => server.emit('error', error));
    };
    const noteInstead = (server, handle) => {
      // Where core accepts, the handle is none of the kernel's, and core holds back by itself.
      if (typeof handle.listen !== 'function' || Object.hasOwn(handle, 'listen')) return;
      handle.listen = (backlog) => {
        if (!waiting) return Object.getPrototypeOf(handle).listen.call(handle, backlog);
        waiting.push({ server, handle, backlog });
        return 0;
      };
    };
    const held = function _getServer(server, options, callback) {
      return getServer.call(this, server, options, function onHandle(error, handle, ...rest) {
        if (!error && handle && waiting) noteInstead(server, handle);
        return callback.call(this, error, handle, ...rest);
      });
    };
    cluster._getServer = held;
    return () => {
      if (!waiting) return;
      const all = waiting;
      waiting = null;
      if (cluster._getServer === held) cluster._getServer = getServer;
      for (const { server, handle, backlog } of all) {
        delete handle.listen;
        if (server._handle !== handle) continue;
        const number = handle.listen(backlog);
        if (number) fail(server, handle, number);
      }
    };
  };

  // Every response from now on ends its connection, so that its client comes back to another worker.
  let requests;  // a channel that nobody holds is forgotten
  const drain = () => {
    if (requests) return;
    requests = require('diagnostics_channel').channel('http.server.request.start');
    requests.subscribe((message) => {
      try { message.response.shouldKeepAlive = false; } catch { /* an app's own kind of response */ }
    });
    const { ServerResponse } = require('http');
    for (const { _httpMessage: response } of process._getActiveHandles()) {
      if (response instanceof ServerResponse && !response.headersSent) response.shouldKeepAlive = false;
    }
  };

  const obeyCore = (hold) => {
    const release = hold ? holdBack() : () => {};
    // Such messages are Node's own, which an app does not see, and do not keep the channel busy.
    process.on('internalMessage', (message) => {
      try {
        if (message.cmd === 'NODE_TEND_RELEASE') release();
        if (message.cmd === 'NODE_TEND_DRAIN') drain();
      } catch { /* then it goes on as without us */ }
    });
  };

  // What the user wrote, and what a script between core and us has added since. NodeOptions() of
  // config/telemetry_environment.cc writes our part.
  const optionsWithoutUs = (now, before) => {
    const { basename } = require('path');
    let found = false;
    const left = now.replace(/--require "((?:[^"\\]|\\.)*)"( |$)/g, (all, file) => {
      if (basename(file) !== basename(__filename)) return all;
      found = true;
      return '';
    });
    return found ? left.trim() : before;
  };

  const fdText = process.env.TEND_TELEMETRY_FD;
  const hold = process.env.TEND_HOLD;
  const isOurs = fdText !== undefined || hold !== undefined || process.env.TEND_NODE_OPTIONS !== undefined;
  if (!isOurs && !process.channel) return;
  try {
    if (!require('worker_threads').isMainThread) return;

    // First of all, and also in what stays silent: Node closes our descriptor in what it starts, so
    // that down there its number belongs to something else, such as a pipe of libuv's own.
    if (isOurs) {
      const options = optionsWithoutUs(process.env.NODE_OPTIONS || '', process.env.TEND_NODE_OPTIONS);
      delete process.env.TEND_TELEMETRY_FD;
      delete process.env.TEND_HOLD;
      delete process.env.TEND_NODE_OPTIONS;
      if (options) process.env.NODE_OPTIONS = options; else delete process.env.NODE_OPTIONS;
    }

    const script = require('path').basename(process.argv[1] || '');
    if (/^(npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)(-cli)?(\.[cm]?js)?$/.test(script)) return;

    if (process.channel) {
      try { obeyCore(hold === '1'); } catch { /* it can still be observed */ }
    }
    if (fdText === undefined) return;

    const fd = Number(fdText);
    // All that is needed later is taken now: the app may replace it (mock-fs, fake timers).
    const { fstatSync, writeSync, readFileSync } = require('fs');
    const { getHeapStatistics, getHeapSpaceStatistics } = require('v8');
    const { performance, PerformanceObserver, constants } = require('perf_hooks');
    const { memoryUsage, getActiveResourcesInfo } = process;
    const now = performance.now.bind(performance);
    const utilization = performance.eventLoopUtilization
      ? performance.eventLoopUtilization.bind(performance) : null;
    const { setInterval, clearInterval, setTimeout } = globalThis;
    const fromEntries = Object.fromEntries;
    const toJson = JSON.stringify;

    const pipe = fstatSync(fd);
    if (!pipe.isFIFO()) return;
    // A pipe that could block would stop the app's loop when nobody reads.
    const flags = parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))[1], 8);
    const O_ACCMODE = 3;
    const O_NONBLOCK = 0o4000;
    if ((flags & O_ACCMODE) === 0 || (flags & O_NONBLOCK) === 0) return;

    // kLagBounds of base/telemetry.h, in milliseconds.
    const BOUNDS = [];
    for (const decade of [0.1, 1, 10, 100, 1000]) {
      const steps = decade === 0.1 ? [1, 1.5, 2, 3, 4, 5, 6, 8]
                                   : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
      for (const step of steps) BOUNDS.push(decade * step);
    }
    BOUNDS.push(10000, 15000, 20000, 30000, 60000);

    const INTERVAL = 20;
    const REPORT = 1000;
    const STALL = 250;  // kStallSeconds of base/telemetry.h
    const SELDOM = 10;  // what costs more is in every tenth report
    const counts = new Array(BOUNDS.length + 1).fill(0);
    let sum = 0;
    let max = 0;
    let stalls = 0;
    let stalled = 0;
    let reports = 0;
    let idleBefore = 0;
    let activeBefore = 0;
    let saidRuntime = false;

    const count = (delay) => {
      let low = 0;
      let high = BOUNDS.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (delay <= BOUNDS[middle]) high = middle; else low = middle + 1;
      }
      counts[low] += 1;
      sum += delay;
      if (delay > max) max = delay;
    };

    // Unset until the first turn of the loop: what an app does while it is loaded delays nobody.
    let last;
    const sampler = setInterval(() => {
      const at = now();
      if (last === undefined) {
        last = at;
        return;
      }
      const delay = Math.max(0, at - last - INTERVAL);
      last = at;
      count(delay);
      if (delay > STALL) {
        stalls += 1;
        stalled += delay;
      }
      // While the loop stood still no sample was taken; those that are missing were late, too.
      let missing = 0;
      for (let late = delay - INTERVAL; late > 0 && missing < 10000; late -= INTERVAL) {
        count(late);
        missing += 1;
      }
    }, INTERVAL);
    sampler.unref();

    const gc = {};  // kind → [count, milliseconds]
    const watchGc = () => {
      if (!PerformanceObserver || !constants || !constants.NODE_PERFORMANCE_GC_MINOR) return null;
      const names = {};
      for (const kind of ['minor', 'major', 'incremental', 'weakcb']) {
        names[constants['NODE_PERFORMANCE_GC_' + kind.toUpperCase()]] = kind;
        gc[kind] = [0, 0];
      }
      const observer = new PerformanceObserver((list) => {
        try {
          for (const entry of list.getEntries()) {
            const pauses = gc[names[entry.detail ? entry.detail.kind : entry.kind]];
            if (!pauses) continue;
            pauses[0] += 1;
            pauses[1] += entry.duration;
          }
        } catch { /* an app's own kind of entries */ }
      });
      observer.observe({ entryTypes: ['gc'] });
      return observer;
    };
    const collections = watchGc();

    let reporter;
    let exceptions = 0;
    let rejections = 0;
    const stop = () => {
      clearInterval(sampler);
      clearInterval(reporter);
      if (collections) collections.disconnect();
    };
    const seconds = (milliseconds) => Number((milliseconds / 1000).toFixed(6));

    const addMemory = (frame) => {
      const heap = getHeapStatistics();
      const memory = memoryUsage();
      frame.heap = [heap.used_heap_size, heap.total_heap_size, heap.heap_size_limit];
      frame.ext = [memory.external, memory.arrayBuffers || 0];
      frame.gc = {};
      for (const kind in gc) {
        // All kinds are named once, so that each is there before it rises.
        if (gc[kind][0] > 0 || !saidRuntime) frame.gc[kind] = [gc[kind][0], seconds(gc[kind][1])];
      }
      if (reports % SELDOM !== 0) return;
      if (getActiveResourcesInfo) frame.res = getActiveResourcesInfo().length;
      frame.spaces = fromEntries(getHeapSpaceStatistics()
        .map((space) => [space.space_name, space.space_used_size]));
    };
    const forget = () => {
      counts.fill(0);
      sum = 0;
      max = 0;
      stalls = 0;
      stalled = 0;
      exceptions = 0;
      rejections = 0;
      for (const kind in gc) gc[kind].fill(0);
      saidRuntime = true;
      reports += 1;
    };

    const report = () => {
      try {
        // The app may have closed the descriptor, and something else may have its number now.
        const there = fstatSync(fd);
        if (there.ino !== pipe.ino || there.dev !== pipe.dev) return stop();
        const lag = [];
        counts.forEach((n, bucket) => { if (n > 0) lag.push([bucket, n]); });
        const frame = { v: 1, lag, sum: seconds(sum), max: seconds(max), exc: exceptions, rej: rejections };
        if (stalls > 0) frame.stalls = [stalls, seconds(stalled)];
        addMemory(frame);
        let loop = null;
        if (utilization) {
          loop = utilization();
          frame.active = seconds(Math.max(0, loop.active - activeBefore));
          frame.idle = seconds(Math.max(0, loop.idle - idleBefore));
        }
        if (!saidRuntime) frame.rt = 'node ' + process.versions.node;
        writeSync(fd, toJson(frame) + '\n');
        forget();
        if (loop) { activeBefore = loop.active; idleBefore = loop.idle; }
      } catch (error) {
        // Nobody reads just now: what was counted goes into the next report.
        if (error && error.code === 'EAGAIN') return undefined;
        stop();
      }
      return undefined;
    };

    // An error that nobody catches ends the process before the next report is due, unless the app has
    // a handler. Watching it is not one.
    let counted;  // the rejection that Node made an exception of last, and may tell the app of as well
    process.on('uncaughtExceptionMonitor', (error, origin) => {
      const rejected = origin === 'unhandledRejection';
      if (rejected) rejections += 1; else exceptions += 1;
      report();
      counted = rejected ? error : undefined;
    });
    // A handler would keep Node from ending the process: ours is there only as long as one of the app's is.
    const noteRejection = (reason) => { if (reason !== counted) rejections += 1; };
    const appHandles = () => process.listeners('unhandledRejection').some((l) => l !== noteRejection);
    process.on('newListener', (event, listener) => {
      if (event !== 'unhandledRejection' || listener === noteRejection) return;
      if (!process.listeners(event).includes(noteRejection)) process.prependListener(event, noteRejection);
    });
    process.on('removeListener', (event) => {
      if (event !== 'unhandledRejection' || appHandles()) return;
      process.removeListener(event, noteRejection);
    });

    setTimeout(report, 200).unref();
    reporter = setInterval(report, REPORT);
    reporter.unref();
  } catch {
    // An app must not notice that it could not be observed.
  }
})();

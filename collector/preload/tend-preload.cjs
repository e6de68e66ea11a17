'use strict';
// Runs inside a Node worker before its own code (NODE_OPTIONS=--require) and reports, once a second
// on the descriptor TEND_TELEMETRY_FD, how late its event loop ran (frames: collector/telemetry_frame.h).
//
// Never throws, never keeps the process alive, never speaks on any other descriptor, and leaves the
// environment as the user wrote it. Silent in worker threads and in what the worker starts.
(function tendPreload() {
  const fdText = process.env.TEND_TELEMETRY_FD;
  if (fdText === undefined) return;
  try {
    if (!require('worker_threads').isMainThread) return;
    // The program that matters is started by these; it inherits what they leave alone.
    const script = require('path').basename(process.argv[1] || '');
    if (/^(npm|npx|yarn|pnpm|pnpx|corepack)(-cli)?(\.c?js)?$/.test(script)) return;

    delete process.env.TEND_TELEMETRY_FD;
    if (process.env.TEND_NODE_OPTIONS !== undefined) {
      process.env.NODE_OPTIONS = process.env.TEND_NODE_OPTIONS;
      delete process.env.TEND_NODE_OPTIONS;
    } else {
      delete process.env.NODE_OPTIONS;
    }

    const fs = require('fs');
    const v8 = require('v8');
    const { performance } = require('perf_hooks');
    const fd = Number(fdText);
    const pipe = fs.fstatSync(fd);
    if (!pipe.isFIFO()) return;

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
    const counts = new Array(BOUNDS.length + 1).fill(0);
    let sum = 0;
    let max = 0;
    let idleBefore = 0;
    let activeBefore = 0;
    let saidRuntime = false;
    // Taken now: the app may replace them.
    const now = performance.now.bind(performance);
    const utilization = performance.eventLoopUtilization
      ? performance.eventLoopUtilization.bind(performance) : null;
    const { setInterval, clearInterval, setTimeout } = globalThis;

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

    let last = now();
    const sampler = setInterval(() => {
      const at = now();
      const delay = Math.max(0, at - last - INTERVAL);
      last = at;
      count(delay);
      // While the loop stood still no sample was taken; those that are missing were late, too.
      let missing = 0;
      for (let late = delay - INTERVAL; late > 0 && missing < 10000; late -= INTERVAL) {
        count(late);
        missing += 1;
      }
    }, INTERVAL);
    sampler.unref();

    let reporter;
    const stop = () => {
      clearInterval(sampler);
      clearInterval(reporter);
    };
    const seconds = (milliseconds) => Number((milliseconds / 1000).toFixed(6));

    const report = () => {
      try {
        // The app may have closed the descriptor, and something else may have its number now.
        const there = fs.fstatSync(fd);
        if (there.ino !== pipe.ino || there.dev !== pipe.dev) return stop();
        const lag = [];
        counts.forEach((n, bucket) => { if (n > 0) lag.push([bucket, n]); });
        const heap = v8.getHeapStatistics();
        const frame = { v: 1, lag, sum: seconds(sum), max: seconds(max),
          heap: [heap.used_heap_size, heap.total_heap_size, heap.heap_size_limit] };
        let loop = null;
        if (utilization) {
          loop = utilization();
          frame.active = seconds(Math.max(0, loop.active - activeBefore));
          frame.idle = seconds(Math.max(0, loop.idle - idleBefore));
        }
        if (!saidRuntime) frame.rt = 'node ' + process.versions.node;
        fs.writeSync(fd, JSON.stringify(frame) + '\n');
        counts.fill(0);
        sum = 0;
        max = 0;
        saidRuntime = true;
        if (loop) { activeBefore = loop.active; idleBefore = loop.idle; }
      } catch (error) {
        // Nobody reads just now: what was counted goes into the next report.
        if (error && error.code === 'EAGAIN') return undefined;
        stop();
      }
      return undefined;
    };
    setTimeout(report, 200).unref();
    reporter = setInterval(report, REPORT);
    reporter.unref();
  } catch {
    // An app must not notice that it could not be observed.
  }
})();

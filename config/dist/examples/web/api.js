// An ordinary Express app. Nothing in it knows about tend.
const express = require('express');

const app = express();
const port = Number(process.env.PORT || 3000);
const worker = process.env.NODE_APP_INSTANCE || '0';

app.use((request, response, next) => {
  const begun = process.hrtime.bigint();
  response.on('finish', () => {
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    console.log(`${request.method} ${request.url} ${response.statusCode} ${ms.toFixed(1)} ms`);
    if (ms > 100) console.error(`slow request: ${request.url} took ${ms.toFixed(0)} ms`);
  });
  next();
});

app.get('/', (request, response) => {
  response.json({ worker, pid: process.pid, uptime: process.uptime() });
});

app.get('/hello/:name', (request, response) => {
  response.send(`hello ${request.params.name}, from worker ${worker}\n`);
});

// Blocks the event loop for 200 ms, as a bad regular expression or a large JSON.parse would.
app.get('/slow', (request, response) => {
  const end = Date.now() + 200;
  while (Date.now() < end);
  response.send('that took a while\n');
});

// The bug that every service has one of.
app.get('/crash', () => {
  setImmediate(() => {
    throw new Error('this request was one too many');
  });
});

const server = app.listen(port, '127.0.0.1', () => {
  console.log(`worker ${worker} listens on http://127.0.0.1:${port}`);
});

process.on('SIGINT', () => {
  console.log(`worker ${worker} closes`);
  server.close(() => process.exit(0));
  server.closeIdleConnections?.();
});

const first = Number(process.env.PORT || 3000);

const cluster = (name, script, port, more = {}) => ({
  name,
  script,
  cwd: __dirname,
  exec_mode: 'cluster',
  instances: 2,
  kill_timeout: 10000,
  listen_timeout: 10000,
  env: { NODE_ENV: 'production', PORT: port },
  ...more,
});

module.exports = {
  apps: [
    cluster('express', './express/server.js', first),
    cluster('fastify', './fastify/server.js', first + 1),
    cluster('koa', './koa/server.js', first + 2),
    cluster('hapi', './hapi/server.js', first + 3),
    cluster('nest', './nest/dist/main.js', first + 4),
    cluster('socketio', './socketio/server.js', first + 5),
    cluster('next', './node_modules/next/dist/bin/next', first + 6, { args: 'start next' }),
    cluster('typescript', './typescript/dist/server.js', first + 7, { wait_ready: true }),
    cluster('esm', './esm/server.js', first + 8),
    cluster('metrics', './metrics/server.js', first + 9),
  ],
};

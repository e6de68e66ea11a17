const Hapi = require('@hapi/hapi');

async function start() {
  const server = Hapi.server({ port: process.env.PORT || 3000 });
  server.route({ method: 'GET', path: '/', handler: () => ({ hello: 'hapi', pid: process.pid }) });
  await server.start();
  console.log(`hapi is up at ${server.info.uri}`);
  process.on('SIGINT', async () => {
    await server.stop({ timeout: 1000 });
    process.exit(0);
  });
}

start();

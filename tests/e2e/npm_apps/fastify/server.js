const fastify = require('fastify')();

fastify.get('/', async () => ({ hello: 'fastify', pid: process.pid }));

// Without a host it listens on every address of localhost, IPv4 and IPv6.
fastify.listen({ port: Number(process.env.PORT || 3000) }).then((address) => {
  console.log(`fastify is up at ${address}`);
});

process.on('SIGINT', () => fastify.close().then(() => process.exit(0)));

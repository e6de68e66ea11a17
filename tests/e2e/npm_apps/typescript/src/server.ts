import * as http from 'node:http';

interface Hello {
  hello: string;
  pid: number;
}

const server = http.createServer((request, response) => {
  const body: Hello = { hello: 'typescript', pid: process.pid };
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
});

server.listen(Number(process.env.PORT ?? 3000), () => process.send?.('ready'));

process.on('SIGINT', () => {
  server.close((error) => process.exit(error ? 1 : 0));
  server.closeIdleConnections();
});

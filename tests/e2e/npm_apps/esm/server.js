import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const { type } = JSON.parse(await readFile(new URL('./package.json', import.meta.url)));
const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ hello: type, pid: process.pid }));
});
await new Promise((resolve) => server.listen(process.env.PORT ?? 3000, resolve));
console.log('esm is up');

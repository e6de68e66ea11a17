const http = require('http');
const { Server } = require('socket.io');

const server = http.createServer((req, res) => {
  res.setHeader('X-Pid', `pid ${process.pid}`);
  res.end('hello socket.io\n');
});
// Long polling spreads one session over several connections, which several workers would get: it
// needs sticky sessions in front of it. A websocket is one connection and needs nothing.
const io = new Server(server, { transports: ['websocket'] });
io.on('connection', (socket) => {
  socket.emit('hello', { pid: process.pid });
});
server.listen(process.env.PORT || 3000);

const io = require('@pm2/io');
const http = require('http');

const users = io.metric({ name: 'Realtime users', id: 'app/realtime/users' });
users.set(42);
const served = io.counter({ name: 'Requests served' });
const rate = io.meter({ name: 'req/sec' });

io.action('cache:clear', (reply) => {
  reply({ cleared: true, pid: process.pid });
});
io.action('greet', (name, reply) => {
  reply({ hello: name });
});

http
  .createServer((req, res) => {
    served.inc();
    rate.mark();
    res.setHeader('X-Pid', `pid ${process.pid}`);
    res.end('hello metrics\n');
  })
  .listen(process.env.PORT || 3000);

const Koa = require('koa');

const app = new Koa();
app.use(async (ctx, next) => {
  const begun = Date.now();
  await next();
  ctx.set('X-Response-Time', `${Date.now() - begun}ms`);
});
app.use((ctx) => {
  ctx.body = { hello: 'koa', pid: process.pid };
});
app.listen(process.env.PORT || 3000);

const express = require('express');

const app = express();
app.get('/', (req, res) => {
  res.json({ hello: 'express', pid: process.pid });
});
app.listen(process.env.PORT || 3000, () => console.log('express is up'));

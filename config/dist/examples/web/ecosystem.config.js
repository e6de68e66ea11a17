// A PM2 ecosystem file, as it is: `pm2 start ecosystem.config.js` and
// `tend start ecosystem.config.js` both run it.
const port = Number(process.env.EXAMPLE_PORT || 3000);

module.exports = {
  apps: [
    {
      name: 'api',
      script: './api.js',
      cwd: __dirname,
      instances: 2,
      exec_mode: 'cluster', // both on one port
      env: { NODE_ENV: 'development', PORT: port },
      env_production: { NODE_ENV: 'production' },
      max_restarts: 10,
      kill_timeout: 3000,
    },
    {
      name: 'files',
      script: './files.py',
      cwd: __dirname,
      interpreter: 'python3',
      env: { PORT: port + 100, PYTHONUNBUFFERED: '1' },
    },
  ],
};

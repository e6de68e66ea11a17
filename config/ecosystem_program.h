// What we ask node to do, as its -e argument. Arguments: "file" or "expression", the path, the name
// of the environment. Answers with one JSON object on descriptor 3:
//   {"ok":true,"value":…,"dropped":[KEY…]}
//   {"ok":false,"message":TEXT,"line":N,"column":N}      0: unknown
#pragma once

namespace tend::config {

inline constexpr char kEcosystemProgram[] = R"js('use strict';
const fs = require('fs');
const path = require('path');
const url = require('url');
const [how, file, envName] = process.argv.slice(1);
const href = url.pathToFileURL(file).href;

function answer(object) {
  const bytes = Buffer.from(JSON.stringify(object));
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(3, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(9);
    }
  }
  process.exit(0);
}

// The first place in the file that the stack names; for a syntax error, the caret under the line.
function placeOf(error) {
  const stack = String((error && error.stack) || '');
  const lines = stack.split('\n');
  for (let i = 0; i < lines.length; i++) {
    for (const name of [href, file]) {
      const at = lines[i].indexOf(name + ':');
      if (at < 0) continue;
      const numbers = /^:(\d+)(?::(\d+))?/.exec(lines[i].slice(at + name.length));
      if (!numbers) continue;
      let column = Number(numbers[2] || 0);
      if (!column && /^\s*\^+\s*$/.test(lines[i + 2] || '')) column = lines[i + 2].indexOf('^') + 1;
      return { line: Number(numbers[1]), column };
    }
  }
  return { line: 0, column: 0 };
}

function fail(error) {
  let message = 'it threw ' + String(error);
  if (error instanceof Error || (error && error.stack)) {
    message = `${error.name || 'Error'}: ${String(error.message).split('\nRequire stack')[0]}`;
  }
  answer({ ok: false, message, ...placeOf(error) });
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const moduleSyntax =
  /Unexpected token 'export'|Cannot use import statement|import\.meta|await is only valid/;

function isModuleProblem(error) {
  return error && (error.code === 'ERR_REQUIRE_ESM' || error.code === 'ERR_REQUIRE_ASYNC_MODULE' ||
    (error.name === 'SyntaxError' &&
     moduleSyntax.test(error.message)));
}

// A file with `export` that node would take for CommonJS because of its ending: says otherwise.
async function importAsModule() {
  const { register } = require('module');
  if (!register) {
    return import('data:text/javascript;base64,' + fs.readFileSync(file).toString('base64'));
  }
  const hook = `export async function load(u, context, next) {
    return next(u, u === ${JSON.stringify(href)} ? { ...context, format: 'module' } : context);
  }`;
  register('data:text/javascript,' + encodeURIComponent(hook));
  return import(href);
}

async function load() {
  if (how === 'expression') {
    return require('vm').runInNewContext('(\n' + fs.readFileSync(file, 'utf8') + '\n)', {},
                                         { filename: file, lineOffset: -1 });
  }
  if (path.extname(file) === '.mjs') return import(href);
  try {
    return module.constructor.createRequire(file)(file);
  } catch (error) {
    if (!isModuleProblem(error)) throw error;
    return error.code === 'ERR_REQUIRE_ESM' || error.code === 'ERR_REQUIRE_ASYNC_MODULE'
      ? import(href) : importAsModule();
  }
}

async function unwrap(loaded) {
  let value = loaded;
  for (let i = 0; i < 8; i++) {
    if (value && value.default !== undefined && (value.__esModule ||
        Object.prototype.toString.call(value) === '[object Module]')) {
      value = await value.default;
    } else if (typeof value === 'function') {
      value = await value({ env: envName || undefined });
    } else {
      break;
    }
  }
  return value;
}

function plain(value) {
  const dropped = [];
  const text = JSON.stringify(value, function (key, item) {
    const original = this[key];
    if (Object.prototype.toString.call(original) === '[object RegExp]') return String(original);
    if (typeof item === 'bigint') return String(item);
    if (typeof item === 'function' || typeof item === 'symbol') {
      dropped.push(key);
      return undefined;
    }
    return item;
  });
  return { text, dropped };
}

(async () => {
  const value = await unwrap(await load());
  const { text, dropped } = plain(value);
  if (text === undefined || text === 'null') {
    const message = 'it gives no value: say module.exports = { apps: [ … ] }';
    answer({ ok: false, message, line: 0, column: 0 });
  }
  answer({ ok: true, value: JSON.parse(text), dropped });
})().catch(fail);
)js";

}  // namespace tend::config

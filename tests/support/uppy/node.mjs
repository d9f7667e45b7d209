// A client in Node: `node node.mjs GENERATION ENDPOINT OPTIONS`. Each line of its input is a call of the driver, and each line of its
// output the result.
//
// Node has all that the client needs except XMLHttpRequest, and that of jsdom sends only jsdom's files and forms. It applies CORS.
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { JSDOM } from 'jsdom';
import { Driver } from './driver.mjs';

const [generation, endpoint, options] = process.argv.slice(2);
const { XMLHttpRequest, Blob, File, FormData } = new JSDOM('', { url: 'http://localhost:5173/' }).window;
Object.assign(globalThis, { XMLHttpRequest, Blob, File, FormData });
// Names below `localhost` are this machine, as in browsers.
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? 'localhost' : name, ...rest);
// Version 5 ignores the result of an abort after an error. A page would go on, too.
process.on('unhandledRejection', (reason) => console.error(reason));

const { createUppy } = await import(`./${generation}/uppy.mjs`);
const driver = new Driver(createUppy(endpoint, JSON.parse(options)));

function readFiles(files) {
  return Promise.all(
    files.map(async ({ path, name, type, meta }) => {
      const data = new File([await readFile(path)], name, { type });
      return { name, type, meta, data };
    }),
  );
}

for await (const line of createInterface({ input: process.stdin })) {
  const [method, argument] = JSON.parse(line);
  const result = await driver[method](method === 'addFiles' ? await readFiles(argument) : argument);
  console.log(JSON.stringify(result ?? null));
}
process.exit();

// node hand_over.mjs <files.mjs> <output> <first> <count>: bundles of 20 modules, one over the
// other; each says its number in the manifest, and shares a few files with the one before.

import { pathToFileURL } from 'node:url';

const [program, output, first, count] = process.argv.slice(2);
const { contentHash, handOver } = await import(pathToFileURL(program).href);

for (let number = Number(first); number < Number(first) + Number(count); number++) {
  const files = new Map();
  const names = [];
  for (let module = 0; module < 20; module++) {
    const text = `export default ${module < 5 ? module : number * 100 + module};\n`;
    const contents = Buffer.from(text.repeat(50));
    const name = `${module % 3 ? 'shared/' : ''}m${module}-${contentHash(contents)}.js`;
    files.set(name, contents).set(`${name}.br`, contents.subarray(9));
    names.push(name);
  }
  files.set('schemas/plugin.json', Buffer.from(`{"number": ${number}}`));
  const manifest = { number, module: names[0], preload: names.slice(1) };
  files.set('plughost.json', Buffer.from(JSON.stringify(manifest)));
  await handOver(files, output);
  console.log(number);
}

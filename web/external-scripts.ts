import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Adapter } from '@sveltejs/kit';

/** Wrap an adapter: move the inline scripts of the page into files, so that `script-src 'self'` holds without hashes. */
export function externalScripts(adapter: Adapter, output: string): Adapter {
  return {
    ...adapter,
    async adapt(builder) {
      await adapter.adapt(builder);
      const page = readFileSync(`${output}/index.html`, 'utf8');
      const moved = page.replace(/<script>([\s\S]*?)<\/script>/g, (_, code: string) => {
        const name = `boot.${createHash('sha256').update(code).digest('hex').slice(0, 8)}.js`;
        writeFileSync(`${output}/_app/immutable/${name}`, code);
        return `<script src="/_app/immutable/${name}"></script>`;
      });
      writeFileSync(`${output}/index.html`, moved);
    },
  };
}

import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Plugin } from 'vitest/config';
import { externalScripts } from './external-scripts.ts';

const output = process.env.HOLDALL_SITE_DIR ?? 'build';

/** The announcer of SvelteKit has an inline style, which the content security policy forbids. `app.css` hides it instead. */
const noInlineStyle: Plugin = {
  name: 'no-inline-style',
  enforce: 'pre',
  transform(code, id) {
    return /@sveltejs\/kit\/.*root\.svelte$/.test(id) ? code.replace(/\sstyle="[^"]*"/, '') : undefined;
  },
};

export default defineConfig({
  plugins: [
    noInlineStyle,
    sveltekit({
      adapter: externalScripts(adapter({ pages: output, fallback: 'index.html' }), output),
      paths: { relative: false },
      version: { name: process.env.HOLDALL_SITE_VERSION ?? 'development' },
    }),
  ],
  build: { assetsInlineLimit: 0 },
  test: { include: ['src/**/*.test.ts'] },
});

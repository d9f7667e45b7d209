import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

const FEATURES = ['accounts', 'files', 'projects', 'uploads'];

export default ts.config(
  { ignores: ['build/', '.svelte-kit/', 'node_modules/', 'static/', 'src/lib/api/schema.d.ts'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      'max-lines': ['error', 300],
      'no-eval': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // File names and metadata never become HTML.
      'svelte/no-at-html-tags': 'error',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Text only.' },
        { property: 'outerHTML', message: 'Text only.' },
        { property: 'insertAdjacentHTML', message: 'Text only.' },
      ],
      // The content security policy refuses literal styles; `style:` sets a property.
      'no-restricted-syntax': ['error', { selector: 'SvelteAttribute[key.name="style"]', message: 'Use style: or a class.' }],
      'svelte/prefer-svelte-reactivity': 'off', // most maps and sets are not state
      'svelte/no-navigation-without-resolve': 'off', // the site is always at /
    },
  },
  {
    files: ['src/lib/ui/**', 'src/lib/session/**', 'src/lib/api/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['#lib/features/*', '**/routes/*'] }] },
  },
  { files: FEATURES.map((name) => `src/lib/features/${name}/**`), rules: { 'no-restricted-imports': ['error', { patterns: ['**/routes/*'] }] } },
);

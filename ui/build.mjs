// Bundles src/ into dist/: what the pages of the stand-in for Splunk Web load. `node build.mjs`
import { build } from 'esbuild';

await build({
    entryPoints: ['src/view.jsx', 'src/form.jsx'],
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    loader: { '.js': 'jsx', '.png': 'dataurl', '.svg': 'dataurl', '.gif': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
    // Splunk's packages are written for Node's `global` too.
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    logLevel: 'warning',
});

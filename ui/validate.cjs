// Validates views against Splunk's own schemas, in Node alone: `node validate.cjs VIEW.xml…`
// Prints one JSON object: view -> list of errors; exit code 1 where there is any.
// CommonJS, because these packages are: an ES module cannot name their files.
const fs = require('node:fs');
const { createSchemaBasedOnDicts } = require('@splunk/dashboard-definition');
const { migrateToTabsLayout } = require('@splunk/dashboard-utils');
const { DashboardValidator } = require('@splunk/dashboard-validation');
const schemas = require('@splunk/visualization-schemas');

// splunk.<type> -> its <name>OptionsSchema, which is in camel case
const byType = Object.fromEntries(
    Object.entries(schemas)
        .filter(([name]) => name.endsWith('OptionsSchema'))
        .map(([name, schema]) => [`splunk.${name.slice(0, -'OptionsSchema'.length).toLowerCase()}`, schema])
);
const search = require('@splunk/datasources/SplunkSearchOptionsSchema').default;
const saved = require('@splunk/datasources/SplunkSavedSearchOptionsSchema').default;
const smart = { enableSmartSources: { type: 'boolean' } }; // Splunk Web adds it to each data source
const dataSourceDict = {
    'ds.search': { ...search, ...smart },
    'ds.chain': { ...search, ...smart },
    'ds.savedSearch': { ...saved, ...smart },
};

const validator = new DashboardValidator();
const wrong = validator.setSchema(createSchemaBasedOnDicts({ visualizationDict: byType, dataSourceDict }));
if (wrong) throw wrong;

// Options of a visualization that its schema does not know: the renderer ignores them in silence.
const unknown = ({ visualizations = {} }) =>
    Object.entries(visualizations).flatMap(([id, { type, options = {} }]) =>
        byType[type]
            ? Object.keys(options).filter((name) => !(name in byType[type])).map((name) => `${id}: ${type} has no option ${name}`)
            : [`${id}: there is no ${type}`]
    );

const check = (path) => {
    const [, json] = /<definition>\s*<!\[CDATA\[([\s\S]*?)\]\]>\s*<\/definition>/.exec(fs.readFileSync(path, 'utf8'));
    const definition = JSON.parse(json);
    // The renderer, too, first brings a definition without tabs into their form.
    const errors = validator.validate(migrateToTabsLayout({ definition }).definition) ?? [];
    return [...errors.map(({ instancePath, message }) => `${instancePath} ${message}`), ...unknown(definition)];
};

const found = Object.fromEntries(process.argv.slice(2).map((path) => [path, check(path)]));
console.log(JSON.stringify(found, null, 2));
process.exitCode = Object.values(found).some((errors) => errors.length) ? 1 : 0;

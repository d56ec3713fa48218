// Runs the public HTTP cache tests against a cache: node conformance_runner.mjs FOLDER BASE-URL [SUITE,…]
// FOLDER is the installed package. Prints one JSON object: the suites with their tests, and the results.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, base, only] = process.argv.slice(2)
const load = file => import(pathToFileURL(path.join(folder, file)).href)

const require = createRequire(path.join(folder, 'package.json'))
const fetch = require('node-fetch')
const { runTests, getResults } = await load('client/runner.mjs')
const { default: suites } = await load('tests/index.mjs')

const wanted = only ? suites.filter(suite => only.split(',').includes(suite.id)) : suites
const inProxies = wanted.map(suite => ({ ...suite, tests: suite.tests.filter(test => !test.browser_only) }))
await runTests(inProxies, fetch, false, base)

const described = inProxies.map(({ id, name, tests }) => ({
  id,
  name,
  tests: tests.map(({ id, name, kind = 'required', depends_on: needs = [] }) => ({ id, name, kind, needs }))
}))
console.log(JSON.stringify({ suites: described, results: getResults() }))

// Runs the public HTTP cache tests against a cache: node conformance_runner.mjs FOLDER BASE-URL [SUITE,…]
// FOLDER is the installed package. Prints one JSON object: the suites with their tests, and the results.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import later from './conformance_later.mjs'

const [folder, base, only] = process.argv.slice(2)
const load = file => import(pathToFileURL(path.join(folder, file)).href)

const require = createRequire(path.join(folder, 'package.json'))
const fetch = require('node-fetch')
const config = await load('client/config.mjs')
const { makeCacheTest, testResults } = await load('client/test.mjs')
const { default: published } = await load('tests/index.mjs')
const suites = [...published, ...later]

const wanted = only ? suites.filter(suite => only.split(',').includes(suite.id)) : suites
const inProxies = wanted.map(suite => ({ ...suite, tests: suite.tests.filter(test => !test.browser_only) }))
config.setFetch(fetch)
config.setBaseUrl(base)

// The suite's own runner begins a hundred at once. Some tests have two seconds between a response and the next
// request, so here a test begins when another ends: the load is even.
const AT_ONCE = 30
const waiting = inProxies.flatMap(suite => suite.tests)
const work = async () => {
  while (waiting.length) await makeCacheTest(waiting.shift())
}
await Promise.all(Array.from({ length: AT_ONCE }, work))

const described = inProxies.map(({ id, name, tests }) => ({
  id,
  name,
  tests: tests.map(({ id, name, kind = 'required', depends_on: needs = [] }) => ({ id, name, kind, needs }))
}))
console.log(JSON.stringify({ suites: described, results: testResults }))

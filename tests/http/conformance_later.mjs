// What later editions of the HTTP cache tests ask for and the one on npm does not, in our own words and in
// its form: targeted control (RFC 9213), Age (RFC 9111, section 5.1), stale-while-revalidate (RFC 5861).

const kind = 'later'
const soon = { setup: true, pause_after: true }

// A response with these fields, and whether it answers the next request three seconds later.
const once = (id, fields, expected) => ({
  id: `later-${id}`,
  name: id,
  kind,
  requests: [{ response_headers: fields, ...soon }, { expected_type: expected }]
})
const reused = (id, ...fields) => once(id, fields, 'cached')
const notReused = (id, ...fields) => once(id, fields, 'not_cached')

const targeted = value => ['CDN-Cache-Control', value, false]
const control = value => ['Cache-Control', value, false]
const anHour = control('max-age=3600')
const lasting = [anHour, ['Expires', 10000], ['Date', 0]]
const aged = value => [['Date', 0], anHour, ['Age', value, false]]

const targetedControl = {
  id: 'later-targeted',
  name: 'Later: targeted control',
  tests: [
    reused('targeted-max-age', targeted('max-age=3600')),
    reused('targeted-very-long', targeted('max-age=99999999999')),
    reused('targeted-unknown-directive', targeted('something, max-age=3600')),
    reused('targeted-over-expired', targeted('max-age=3600'), ['Expires', -10000], ['Date', 0]),
    reused('targeted-over-invalid-expires', targeted('max-age=3600'), ['Expires', '0', false], ['Date', 0]),
    reused('targeted-over-shorter', targeted('max-age=3600'), control('max-age=1')),
    reused('targeted-over-no-store', targeted('max-age=3600'), control('no-store')),
    reused('targeted-not-for-us', ['Other-Cache-Control', 'no-store', false], anHour),
    notReused('targeted-over-longer', targeted('max-age=1'), anHour),
    notReused('targeted-zero', targeted('max-age=0'), ['Expires', 10000], ['Date', 0]),
    notReused('targeted-older', targeted('max-age=3600'), ['Age', '7200'], ['Date', 0]),
    notReused('targeted-private', targeted('private'), ...lasting),
    notReused('targeted-no-cache', targeted('no-cache'), ...lasting),
    notReused('targeted-no-store', targeted('no-store'), ...lasting),
    notReused('targeted-malformed', targeted('max-age=3600, &&&'), control('no-store')),
    notReused('targeted-wrong-type', targeted('max-age="3600"'), control('no-store')),
    notReused('targeted-space', targeted('max-age =100'), control('max-age=1'))
  ]
}

const age = {
  id: 'later-age',
  name: 'Later: Age',
  tests: [
    reused('age-word', ...aged('abc')),
    reused('age-negative', ...aged('-7200')),
    reused('age-decimal', ...aged('7200.0')),
    reused('age-first-of-a-list', ...aged('0, 7200')),
    reused('age-first-line', ...aged('0'), ['Age', '7200', false]),
    reused('age-twice', ...aged('0, 0')),
    notReused('age-old-first', ...aged('7200, 0')),
    notReused('age-old-first-line', ...aged('7200'), ['Age', '0', false]),
    notReused('age-huge', ...aged('2147483649'))
  ]
}

const stale = control('max-age=1, stale-while-revalidate=4')
const others = {
  id: 'later-others',
  name: 'Later: stale-while-revalidate, must-understand',
  tests: [
    reused('stale-while-revalidate', control('max-age=1, stale-while-revalidate=3600'), ['ETag', '"abc"']),
    {
      id: 'later-stale-while-revalidate-window',
      name: 'stale-while-revalidate-window',
      kind,
      requests: [
        { response_headers: [stale, ['ETag', '"abc"', false]], ...soon },
        { response_headers: [control('no-cache'), ['ETag', '"def"', false]], expected_type: 'cached', ...soon },
        { expected_response_headers: [['client-request-count', '3']] }
      ]
    },
    reused('must-understand-200', control('max-age=3600, no-store, must-understand')),
    {
      id: 'later-must-understand-599',
      name: 'must-understand-599',
      kind,
      requests: [
        {
          response_status: [599, 'Whatever'],
          response_headers: [control('max-age=3600, no-store, must-understand')],
          setup: true
        },
        { expected_type: 'not_cached' }
      ]
    }
  ]
}

export default [targetedControl, age, others]

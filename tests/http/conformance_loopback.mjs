// Loaded before the origin server of the HTTP cache tests, which would listen on every interface.
import http from 'node:http'

const listen = http.Server.prototype.listen
http.Server.prototype.listen = function (port) {
  return listen.call(this, { port: Number(port), host: '127.0.0.1' })
}

// CloudFront, viewer request, /api/*: who is calling, how much is coming, and which browsers may ask.
// __ORIGINS__ is replaced by the stage's exact list of foreign origins; our own needs no CORS.
var ORIGINS = __ORIGINS__;
var BODY = 256 * 1024;
var DIRECT_BODY = 4 * 1024 * 1024;
var METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
var HEADERS = 'authorization, content-type, idempotency-key, x-api-key, x-csrf-token, x-request-id';

function handler(event) {
  var request = event.request;
  var headers = request.headers;
  // Overwritten, whatever the client sent: the API believes this one.
  headers['x-holdall-viewer'] = { value: event.viewer.ip };

  var limit = request.uri.indexOf('/api/v1/upload/') === 0 ? DIRECT_BODY : BODY;
  var length = headers['content-length'];
  if (length && !(Number(length.value) <= limit)) {
    return problem(event, 413, 'Content Too Large', 'body_too_large', 'The body is over ' + limit + ' bytes.');
  }
  if (request.method === 'OPTIONS' && headers.origin && headers['access-control-request-method']) {
    return preflight(event, headers.origin.value);
  }
  return request;
}

function preflight(event, origin) {
  if (ORIGINS.indexOf(origin) < 0) {
    return problem(event, 403, 'Forbidden', 'origin_not_allowed', 'This origin is not allowed.');
  }
  return {
    statusCode: 204,
    statusDescription: 'No Content',
    headers: {
      'access-control-allow-origin': { value: origin },
      'access-control-allow-methods': { value: METHODS },
      'access-control-allow-headers': { value: HEADERS },
      'access-control-max-age': { value: '3600' },
      'vary': { value: 'Origin' }
    }
  };
}

// The shape of every error of ours (RFC 9457), see holdall.http.
function problem(event, status, title, code, detail) {
  var given = event.request.headers['x-request-id'];
  var id = given && /^[A-Za-z0-9._-]{1,64}$/.test(given.value) ? given.value : event.context.requestId;
  var body = {
    type: 'about:blank', title: title, status: status, detail: detail, instance: event.request.uri,
    code: code, message: detail, requestId: id
  };
  var headers = {
    'content-type': { value: 'application/problem+json' },
    'cache-control': { value: 'no-store' },
    'x-request-id': { value: id }
  };
  var origin = event.request.headers.origin;
  if (origin && ORIGINS.indexOf(origin.value) >= 0) {
    // Without this its page would be told of a broken network, and not why.
    headers['access-control-allow-origin'] = { value: origin.value };
    headers.vary = { value: 'Origin' };
  }
  return { statusCode: status, statusDescription: title, headers: headers, body: JSON.stringify(body) };
}

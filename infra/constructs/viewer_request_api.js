// CloudFront function, viewer request of /api/* and /s/*: sets the client IP, limits bodies, and answers preflight requests.
// __ORIGINS__ is replaced by the allowed origins of the stage. Our own origin needs no CORS.
var ORIGINS = __ORIGINS__;
// The bytes of a body, and what holdall.http.body.BodyTooLarge and file_body.FileTooLarge say.
var BODY = textLimit(256 * 1024);
var PART_LIST = textLimit(1024 * 1024); // functions.upload.companion
var FILE = {
  bytes: (4 * 1024 + 16) * 1024, // holdall.http.file_body.MAX_BODY_BYTES
  detail: 'A file of more than 4 MiB does not fit into a request. Upload it with POST /api/v1/files/init-upload.'
};
var METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
// @uppy/aws-s3 5 sends the two headers of its own. We ignore them.
var HEADERS = 'authorization, content-type, idempotency-key, if-match, if-none-match, uppy-auth-token, ' +
  'uppy-credentials-params, x-api-key, x-csrf-token, x-request-id';

function handler(event) {
  var request = event.request;
  var headers = request.headers;
  // Overwrites what the client sent, because the API trusts this header.
  headers['x-holdall-viewer'] = { value: event.viewer.ip };

  var limit = limitOf(request.uri);
  var length = headers['content-length'];
  if (length && !(Number(length.value) <= limit.bytes)) {
    if (isPage(request.uri)) {
      return backToPage(request.uri);
    }
    return problem(event, 413, 'Content Too Large', 'body_too_large', limit.detail);
  }
  if (request.method === 'OPTIONS' && headers.origin && headers['access-control-request-method']) {
    return preflight(event, headers.origin.value);
  }
  return request;
}

function textLimit(bytes) {
  return { bytes: bytes, detail: 'The body must not be larger than ' + bytes + ' bytes.' };
}

function limitOf(uri) {
  if (uri.indexOf('/api/v1/upload/') === 0 || isPage(uri)) return FILE;
  return uri.indexOf('/api/v1/u/') === 0 ? PART_LIST : BODY;
}

function isPage(uri) {
  return uri.indexOf('/s/') === 0; // functions.shares.pages
}

// The page of a link says what is wrong, in words for people.
function backToPage(uri) {
  return {
    statusCode: 303,
    statusDescription: 'See Other',
    headers: {
      'location': { value: '/s/' + encodeURIComponent(uri.split('/')[2]) + '?tooLarge=true' },
      'cache-control': { value: 'no-store' }
    }
  };
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

// The same format as holdall.http.problems (RFC 9457). It names no path, because a path may contain a token.
function problem(event, status, title, code, detail) {
  var sent = event.request.headers['x-request-id'];
  var id = sent && /^[A-Za-z0-9._-]{1,64}$/.test(sent.value) ? sent.value : event.context.requestId;
  var body = {
    type: 'about:blank', title: title, status: status, detail: detail, instance: 'urn:holdall:request:' + id,
    code: code, message: detail, requestId: id
  };
  var headers = {
    'content-type': { value: 'application/problem+json' },
    'cache-control': { value: 'no-store' },
    'x-request-id': { value: id }
  };
  var origin = event.request.headers.origin;
  if (origin && ORIGINS.indexOf(origin.value) >= 0) {
    // Without this header, the page would see a network error and not the reason.
    headers['access-control-allow-origin'] = { value: origin.value };
    headers.vary = { value: 'Origin' };
  }
  return { statusCode: status, statusDescription: title, headers: headers, body: JSON.stringify(body) };
}

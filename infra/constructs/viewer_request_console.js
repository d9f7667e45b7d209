// CloudFront function, viewer request of /: every path that is not a file is a route of the console, a single-page app.
function handler(event) {
  var request = event.request;
  if (request.uri.split('/').pop().indexOf('.') < 0) {
    request.uri = '/index.html';
  }
  return request;
}

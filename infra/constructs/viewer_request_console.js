// CloudFront, viewer request, /: the console is one page. Whatever is not a file of it is a place in it.
function handler(event) {
  var request = event.request;
  if (request.uri.split('/').pop().indexOf('.') < 0) {
    request.uri = '/index.html';
  }
  return request;
}

"""A browser at the pages of the console, which sends its cookie with every request."""

from dataclasses import dataclass

from tests.support.e2e.client import PASSWORD, Client, Response, Server, read_session_cookie


@dataclass
class Browser:
    """A browser with the cookie of a session or of a sign-in with a provider."""

    server: Server
    origin: str
    session_cookie: str = ""
    csrf_token: str = ""

    def sign_in(self, email: str) -> Response:
        """Create a session with a cookie."""
        response = self.post("/auth/login", {"email": email, "password": PASSWORD, "mode": "cookie"})
        self.csrf_token = response.data()["csrfToken"]
        return response

    def get(self, path: str) -> Response:
        return self.request("GET", path)

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        """Send a POST as a page of the console does. `headers` replaces headers, and an empty value removes one."""
        sent = {"x_csrf_token": self.csrf_token, "origin": self.origin, **headers}
        return self.request("POST", path, body, **sent)

    def delete(self, path: str) -> Response:
        return self.request("DELETE", path, x_csrf_token=self.csrf_token, origin=self.origin)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """Send the cookie and these headers, without those that are empty."""
        sent = {name: value for name, value in {"cookie": self.session_cookie, **headers}.items() if value}
        response = Client(self.server).request(method, path, body, headers=sent)
        if "set-cookie" in response.headers:
            self.session_cookie = read_session_cookie(response)
        return response

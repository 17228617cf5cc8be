package webhook

import (
	"bytes"
	"context"
	"net/http"
)

// verified is everything that a handler is given, in one allocation.
type verified struct {
	ctx   matchContext
	body  bufferedBody
	match Match
}

// verifiedRequest returns a request for the handler: with the body to be read again, and
// the match in its context.
func verifiedRequest(r *http.Request, m Match, body []byte) *http.Request {
	given := &verified{match: m}
	given.ctx = matchContext{r.Context(), &given.match}
	given.body.Reset(body)
	r = r.WithContext(&given.ctx)
	r.Body = &given.body
	return r
}

type matchContext struct {
	context.Context
	match *Match
}

func (c *matchContext) Value(key any) any {
	if key == (matchKey{}) {
		return c.match
	}
	return c.Context.Value(key)
}

// bufferedBody is a body that was read into memory.
type bufferedBody struct{ bytes.Reader }

// Close does nothing: the server closes the original body.
func (*bufferedBody) Close() error { return nil }

package webhook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/formbridge/tenantsecrets"
)

// Transport returns an http.RoundTripper that signs every request with the key of one of
// the tenant's destinations, as [Signer.Sign] does, and sends it with base. If base is nil,
// http.DefaultTransport is used.
//
// It does not change the request. Each attempt, and each redirect on the same host, is a
// copy that is signed with the current time. A redirect to another scheme, host or port
// fails, so neither the signature nor the body is sent there.
//
// The whole body is read into memory before the request is sent, because the signature is
// in a header. If the request has GetBody, the body is taken from it. Otherwise the body is
// read once, and a redirect that needs it again fails: http.NewRequest sets GetBody for a
// bytes.Reader, bytes.Buffer and strings.Reader. A request whose body does not have the
// length in ContentLength fails.
//
// If the key cannot be read, the request fails with the error of [Signer.Sign], and nothing
// is sent.
func (s *Signer) Transport(base http.RoundTripper, tenant, destination string) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{s, base, tenant, tenantsecrets.DestinationHMACKey(destination)}
}

type transport struct {
	signer *Signer
	base   http.RoundTripper
	tenant string
	key    tenantsecrets.Kind[tenantsecrets.Keyring]
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	signed, err := t.sign(r)
	if r.Body != nil {
		r.Body.Close() // a copy is sent
	}
	if err != nil {
		return nil, err
	}
	response, err := t.base.RoundTrip(signed)
	if response != nil {
		response.Request = r // changesTarget finds the first request there
	}
	return response, err
}

func (t *transport) sign(r *http.Request) (*http.Request, error) {
	if changesTarget(r) {
		return nil, fmt.Errorf("webhook: %w", errRedirected)
	}
	body, err := readBody(r)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	signed := r.Clone(r.Context())
	if signed.Header == nil {
		signed.Header = http.Header{}
	}
	id := t.signer.options.MessageID(r)
	if err := t.signer.sign(r.Context(), t.tenant, t.key, signed.Header, id, body); err != nil {
		return nil, err
	}
	signed.ContentLength = int64(len(body))
	signed.GetBody = func() (io.ReadCloser, error) {
		if len(body) == 0 {
			return http.NoBody, nil
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	signed.Body, _ = signed.GetBody()
	return signed, nil
}

var (
	errRedirected = errors.New("a redirect to another host is not followed, because the signature is for the first host")
	errLength     = errors.New("the body does not have the length in ContentLength: set it to the body's length, or to -1")
)

// readBody returns the body to sign and send. It compares the length, because a body that
// was read before would otherwise be signed as an empty one. A ContentLength of 0 with a
// body means that the length is unknown, as -1 does.
func readBody(r *http.Request) ([]byte, error) {
	body, err := copyBody(r)
	if err != nil {
		return nil, readError(err)
	}
	if r.ContentLength > 0 && r.ContentLength != int64(len(body)) {
		return nil, errLength
	}
	return body, nil
}

// copyBody reads the body from GetBody if it can: then a caller who sends the same request
// again still has the original body.
func copyBody(r *http.Request) ([]byte, error) {
	switch {
	case r.Body == nil:
		return nil, nil
	case r.GetBody == nil:
		return io.ReadAll(r.Body)
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// changesTarget reports whether the request follows a redirect to another scheme, host or
// port than that of the first request.
func changesTarget(r *http.Request) bool {
	first := r
	for first.Response != nil {
		if first = first.Response.Request; first == nil {
			return true // the first request is unknown
		}
	}
	return first != r && (first.URL.Scheme != r.URL.Scheme || first.URL.Host != r.URL.Host || hostOf(first) != hostOf(r))
}

// hostOf returns the Host header. Another virtual host at the same address is another
// receiver.
func hostOf(r *http.Request) string { return cmp.Or(r.Host, r.URL.Host) }

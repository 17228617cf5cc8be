package webhook

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/formbridge/tenantsecrets"
)

// Transport signs every request that it sends to one of the tenant's destinations
// with that destination's key, as [Signer.Sign] does, and hands it to base; nil is
// http.DefaultTransport.
//
// The request itself is not changed: each attempt, and each redirect on the same
// host, is a signed copy with the time of that moment. A redirect to another
// scheme, host or port fails, and neither a signature nor the body goes there.
//
// The whole body is read into memory before the request is sent, because the
// signature goes into a header. It is taken from GetBody where there is one. Without
// it the body is read once, and such a request cannot be redirected with its body:
// http.NewRequest sets GetBody for a bytes.Reader, bytes.Buffer and strings.Reader. A
// body that is not as long as ContentLength says fails the request.
//
// What keeps the key from being read fails the request, and nothing is sent.
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
		r.Body.Close() // what is sent is a copy
	}
	if err != nil {
		return nil, err
	}
	response, err := t.base.RoundTrip(signed)
	if response != nil {
		response.Request = r // a redirect looks there for where it began
	}
	return response, err
}

func (t *transport) sign(r *http.Request) (*http.Request, error) {
	if leaves(r) {
		return nil, fmt.Errorf("webhook: %w", errRedirected)
	}
	body, err := read(r)
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
	errRedirected = errors.New("a redirect to another host is not followed: the signature is for the first one")
	errLength     = errors.New("the body is not as long as ContentLength says: set it to the body's length, or to -1")
)

// read returns what is to be signed and sent. A body that was read before must not be
// signed as an empty one, so its length is compared. 0 beside a body means that the
// length is not known, as -1 does.
func read(r *http.Request) ([]byte, error) {
	body, err := readAll(r)
	if err != nil {
		return nil, unreadable(err)
	}
	if r.ContentLength > 0 && r.ContentLength != int64(len(body)) {
		return nil, errLength
	}
	return body, nil
}

// readAll reads a copy of the body where GetBody gives one: then a caller who repeats
// the request still has the original.
func readAll(r *http.Request) ([]byte, error) {
	switch {
	case r.Body == nil:
		return nil, nil
	case r.GetBody == nil:
		return io.ReadAll(r.Body)
	}
	another, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer another.Close()
	return io.ReadAll(another)
}

// leaves tells whether the request follows a redirect to another place than the
// one that the first request went to.
func leaves(r *http.Request) bool {
	first := r
	for first.Response != nil {
		if first = first.Response.Request; first == nil {
			return true // it cannot be told where it began
		}
	}
	return first != r && (first.URL.Scheme != r.URL.Scheme || first.URL.Host != r.URL.Host || host(first) != host(r))
}

// host is the Host that is sent: another one at the same address is another
// receiver.
func host(r *http.Request) string { return cmp.Or(r.Host, r.URL.Host) }

func messageID(r *http.Request) string {
	if id := r.Header.Get(standardNames.id); id != "" {
		return id
	}
	return "msg_" + rand.Text()
}

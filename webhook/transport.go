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
// scheme, host or port fails, and neither a signature nor the body goes there. A
// body is held in memory while it is sent; it needs GetBody, which
// http.NewRequest sets for a bytes.Reader, bytes.Buffer and strings.Reader.
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
	if body != nil {
		signed.ContentLength = int64(len(body))
		signed.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		signed.Body, _ = signed.GetBody()
	}
	return signed, nil
}

var (
	errRedirected = errors.New("a redirect to another host is not followed: the signature is for the first one")
	errNoGetBody  = errors.New("the body is a stream: set GetBody, for a signature needs it before it is sent")
)

// read returns what is to be signed, and sent; nil where there is no body. It is
// a copy: whoever repeats the request still has the original.
func read(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.GetBody == nil {
		return nil, errNoGetBody
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, unreadable(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, unreadable(err)
	}
	return content, nil
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

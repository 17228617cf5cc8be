package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

const destination = "webhook1"

// newSigner returns a signer whose destination has that many keys, and a verifier with the
// same keys, as the receiver has them.
func newSigner(t testing.TB, keys int, s scheme, optFns ...func(*webhook.SignerOptions)) (*webhook.Signer, *webhook.Verifier, *tenantsecrets.Client) {
	t.Helper()
	b, c := newBackend(t)
	store(t, b, "destinations/"+destination+"/hmac_key", hmacDocument(t, keys, nil))
	signer, err := webhook.NewSigner(c, append([]func(*webhook.SignerOptions){func(o *webhook.SignerOptions) { o.Scheme = s.scheme }}, optFns...)...)
	if err != nil {
		t.Fatal(err)
	}
	ring := ring{destinationKeys(t, c)}
	return signer, newVerifier(t, ring, s.option), c
}

func destinationKeys(t testing.TB, c *tenantsecrets.Client) tenantsecrets.Keyring {
	t.Helper()
	keys, err := tenantsecrets.Get(context.Background(), c, tenant, tenantsecrets.DestinationHMACKey(destination))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestSign(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		signer, far, c := newSigner(t, 1, s)
		header := http.Header{"Content-Type": {"application/json"}}
		if err := signer.Sign(t.Context(), tenant, destination, header, "msg_1", []byte(body)); err != nil {
			t.Fatal(err)
		}
		m, err := far.Verify(t.Context(), tenant, header, []byte(body))
		if err != nil || s.id && m.ID != "msg_1" || s.time && time.Since(m.Time) > time.Minute {
			t.Errorf("match %+v, %v", m, err)
		}
		if header.Get("Content-Type") != "application/json" {
			t.Error("another header is gone")
		}

		// Posted back to us it is refused: we verify with the tenant's own key.
		own := newVerifier(t, c, s.option)
		_, err = own.Verify(t.Context(), tenant, header, []byte(body))
		checkIs(t, err, tenantsecrets.ErrMismatch)
		if status := webhook.Status(err); status != http.StatusUnauthorized {
			t.Errorf("status is %d", status)
		}
	})
}

// A receiver that has one of the keys accepts the webhook, if the scheme allows several
// signatures; else it is the signing key that it must have.
func TestSignWithEveryKey(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		b := secretstest.New()
		newest := hmacDocument(t, 1, nil)
		oldest := hmacDocument(t, 1, nil)
		path := "destinations/" + destination + "/hmac_key"
		store(t, b, path, oldest)
		putAt(t, b, path, newest)
		c := newClient(t, b)
		signer, err := webhook.NewSigner(c, func(o *webhook.SignerOptions) { o.Scheme = s.scheme })
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if err := signer.Sign(t.Context(), tenant, destination, header, "msg_1", []byte(body)); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{newest: true, oldest: s.several} {
			_, err := newVerifier(t, ring{topKey(t, text)}, s.option).Verify(t.Context(), tenant, header, []byte(body))
			if want != (err == nil) {
				t.Errorf("newest %v: %v", text == newest, err)
			}
		}
	})
}

func TestSignRefuses(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	for _, tt := range []struct {
		what, tenant, destination, id string
		want                          error
	}{
		{"no such destination", tenant, "webhook2", "msg_1", tenantsecrets.ErrNotFound},
		{"no such tenant", "t_nobody", destination, "msg_1", tenantsecrets.ErrNotFound},
		{"no tenant", "", destination, "msg_1", tenantsecrets.ErrInvalidTenant},
		{"the global space", tenantsecrets.Global, destination, "msg_1", tenantsecrets.ErrInvalidTenant},
		{"no destination", tenant, "../" + destination, "msg_1", tenantsecrets.ErrInvalidName},
		{"no id", tenant, destination, "", nil},
		{"an id with a dot", tenant, destination, "msg.1", nil},
		{"an id with a line", tenant, destination, "msg\r\nX: y", nil},
		{"an id of 5,000 bytes", tenant, destination, strings.Repeat("m", 5000), nil},
	} {
		header := http.Header{}
		err := signer.Sign(t.Context(), tt.tenant, tt.destination, header, tt.id, []byte(body))
		var failed *tenantsecrets.Error
		if !errors.As(err, &failed) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.what, err)
		}
		if len(header) != 0 {
			t.Errorf("%s: headers %v", tt.what, header)
		}
	}
}

// sent is a base that keeps what it was given, and answers with what answer says.
type sent struct {
	requests []*http.Request
	bodies   []string
	answer   func(*http.Request) (*http.Response, error)
}

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	content := ""
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		content = string(read)
	}
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, content)
	if s.answer != nil {
		return s.answer(r)
	}
	return answer(http.StatusOK, ""), nil
}

func answer(status int, location string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}
	if location != "" {
		r.Header.Set("Location", location)
	}
	return r
}

func post(t testing.TB, target string, content io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, content)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTransport(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		signer, far, _ := newSigner(t, 2, s)
		base := &sent{}
		client := &http.Client{Transport: signer.Transport(base, tenant, destination)}
		for name, content := range map[string]func() io.Reader{
			body: func() io.Reader { return strings.NewReader(body) },
			"":   func() io.Reader { return nil },
		} {
			r := post(t, "https://far.example.com/hook", content())
			before := r.Header.Clone()
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			last := len(base.requests) - 1
			if base.bodies[last] != name {
				t.Errorf("sent %q, want %q", base.bodies[last], name)
			}
			if base.requests[last] == r || len(r.Header) != len(before) {
				t.Error("the request itself was changed")
			}
			if _, err := far.Verify(t.Context(), tenant, base.requests[last].Header, []byte(name)); err != nil {
				t.Error(err)
			}
		}
	})
}

// Each attempt is signed with its own timestamp and, if the message has one, the same ID.
func TestTransportSignsEachAttempt(t *testing.T) {
	clock := webhooktest.NewClock()
	signer, _, _ := newSigner(t, 1, schemes[0], func(o *webhook.SignerOptions) { o.Now = clock.Now })
	base := &sent{}
	transport := signer.Transport(base, tenant, destination)
	r := post(t, "https://far.example.com/hook", strings.NewReader(body))
	r.Header.Set("Webhook-Id", "msg_1")
	for range 3 {
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		header := base.requests[len(base.requests)-1].Header
		if header.Get("Webhook-Timestamp") != strconv.FormatInt(clock.Now().Unix(), 10) || header.Get("Webhook-Id") != "msg_1" {
			t.Errorf("headers %v", header)
		}
		clock.Advance(time.Hour)
	}
	for _, r := range []*http.Request{post(t, "https://far.example.com", nil), post(t, "https://far.example.com", nil)} {
		if _, err := transport.RoundTrip(r); err != nil { //nolint:bodyclose // it has none
			t.Fatal(err)
		}
	}
	if n := len(base.requests); base.requests[n-1].Header.Get("Webhook-Id") == base.requests[n-2].Header.Get("Webhook-Id") {
		t.Error("two messages have one id")
	}
}

// Redirects are followed on the same host, with a signature of their own, and
// nowhere else: neither the signature nor the body goes there.
func TestTransportRedirects(t *testing.T) {
	const from = "https://far.example.com/hook"
	for location, followed := range map[string]bool{
		"/other":                           true,
		"https://far.example.com/other":    true,
		"https://evil.example.com/hook":    false,
		"https://far.example.com:8443/":    false,
		"http://far.example.com/hook":      false,
		"https://far.example.com.evil/":    false,
		"https://far.example.com@evil.com": false,
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			signer, far, _ := newSigner(t, 1, schemes[0])
			base := &sent{}
			base.answer = func(r *http.Request) (*http.Response, error) {
				if r.URL.String() == from {
					return answer(status, location), nil
				}
				return answer(http.StatusOK, ""), nil
			}
			client := &http.Client{Transport: signer.Transport(base, tenant, destination)}
			response, err := client.Do(post(t, from, strings.NewReader(body)))
			if response != nil {
				response.Body.Close()
			}
			if (err == nil) != followed || followed != (len(base.requests) == 2) {
				t.Errorf("%d to %s: %v, %d sent", status, location, err, len(base.requests))
				continue
			}
			last := len(base.requests) - 1
			if _, err := far.Verify(t.Context(), tenant, base.requests[last].Header, []byte(base.bodies[last])); err != nil {
				t.Errorf("%d to %s: %v", status, location, err)
			}
		}
	}
}

// There and back again is not the same host all the way.
func TestTransportRedirectsInAChain(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	base.answer = func(r *http.Request) (*http.Response, error) {
		switch r.URL.Path {
		case "/1":
			return answer(307, "/2"), nil
		case "/2":
			return answer(307, "https://evil.example.com/3"), nil
		}
		return answer(200, ""), nil
	}
	client := &http.Client{Transport: signer.Transport(base, tenant, destination)}
	response, err := client.Do(post(t, "https://far.example.com/1", strings.NewReader(body)))
	if err == nil {
		response.Body.Close()
	}
	if err == nil || len(base.requests) != 2 {
		t.Errorf("%v, %d sent", err, len(base.requests))
	}
	var failed *url.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Err.Error(), "redirect") {
		t.Errorf("error is %v", err)
	}
}

// closes is a body that notes that it was closed.
type closes struct {
	io.Reader
	closed bool
}

func (c *closes) Close() error { c.closed = true; return nil }

// A body is signed and sent as it is, whether it can be read once or often. One that
// is not as long as the request says is not sent: so would net/http have it.
func TestTransportBodies(t *testing.T) {
	signer, far, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	transport := signer.Transport(base, tenant, destination)
	broken := errors.New("what it read")
	again := func(r io.Reader) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	for name, tt := range map[string]struct {
		reader  io.Reader
		getBody func() (io.ReadCloser, error)
		length  int64
		good    bool
	}{
		"a stream":              {strings.NewReader(body), nil, 0, true},
		"a stream, length -1":   {strings.NewReader(body), nil, -1, true},
		"a stream, length":      {strings.NewReader(body), nil, int64(len(body)), true},
		"a stream, cut short":   {strings.NewReader(body), nil, int64(len(body)) + 1, false},
		"a stream, read before": {strings.NewReader(""), nil, int64(len(body)), false},
		"a stream, longer":      {strings.NewReader(body), nil, int64(len(body)) - 1, false},
		"no body, but a length": {nil, nil, 1, false},
		"a stream breaks":       {iotest.ErrReader(broken), nil, -1, false},
		"GetBody":               {strings.NewReader(body), again(strings.NewReader(body)), 0, true},
		"GetBody, length":       {strings.NewReader(body), again(strings.NewReader(body)), int64(len(body)), true},
		"GetBody, another one":  {strings.NewReader(body), again(strings.NewReader(body + " ")), int64(len(body)), false},
		"GetBody fails":         {strings.NewReader(body), func() (io.ReadCloser, error) { return nil, broken }, 0, false},
		"GetBody's reader does": {strings.NewReader(body), again(iotest.ErrReader(broken)), 0, false},
	} {
		base.requests, base.bodies = nil, nil
		r := post(t, "https://far.example.com/hook", nil)
		original := &closes{Reader: tt.reader}
		r.Body, r.GetBody, r.ContentLength = original, tt.getBody, tt.length
		if tt.reader == nil {
			r.Body, original.closed = nil, true
		}
		response, err := transport.RoundTrip(r)
		if response != nil {
			response.Body.Close()
		}
		if (err == nil) != tt.good || len(base.requests) != map[bool]int{true: 1}[tt.good] {
			t.Errorf("%s: %v, %d sent", name, err, len(base.requests))
			continue
		}
		if err != nil && strings.Contains(err.Error(), broken.Error()) {
			t.Errorf("%s: the error quotes a reader: %v", name, err)
		}
		if !original.closed {
			t.Errorf("%s: the body was not closed", name)
		}
		if !tt.good {
			continue
		}
		if base.requests[0].ContentLength != int64(len(body)) || base.bodies[0] != body {
			t.Errorf("%s: length %d, body %q", name, base.requests[0].ContentLength, base.bodies[0])
		}
		if _, err := far.Verify(t.Context(), tenant, base.requests[0].Header, []byte(base.bodies[0])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A body that turns out empty is sent as none, not as one of unknown length.
func TestTransportOfAnEmptyStream(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	r := post(t, "https://far.example.com/hook", io.NopCloser(strings.NewReader("")))
	response, err := signer.Transport(base, tenant, destination).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if sent := base.requests[0]; sent.ContentLength != 0 || sent.Body != http.NoBody {
		t.Errorf("length %d, body %T", sent.ContentLength, sent.Body)
	}
}

// What cannot be signed is not sent.
func TestTransportWithoutAKey(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	client := &http.Client{Transport: signer.Transport(base, tenant, "webhook2")}
	response, err := client.Do(post(t, "https://far.example.com/hook", strings.NewReader(body)))
	if response != nil {
		response.Body.Close()
	}
	checkIs(t, err, tenantsecrets.ErrNotFound)
	if len(base.requests) != 0 {
		t.Errorf("%d sent", len(base.requests))
	}
}

// A request that http.Client would not pass on is base's matter, not a panic.
func TestTransportOfABareRequest(t *testing.T) {
	signer, _, _ := newSigner(t, 1, schemes[0])
	base := &sent{}
	response, err := signer.Transport(base, tenant, destination).RoundTrip(&http.Request{Method: http.MethodPost})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if base.requests[0].Header.Get("Webhook-Signature") == "" {
		t.Error("it is not signed")
	}
}

// From the signing transport through a real server to a verifier with the receiver's keys.
func TestTransportToMiddleware(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		signer, far, _ := newSigner(t, 1, s)
		got := ""
		server := httptest.NewServer(far.Middleware(func(*http.Request) string { return tenant })(
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				content, _ := io.ReadAll(r.Body)
				got = string(content)
			})))
		defer server.Close()
		base := &http.Transport{DisableKeepAlives: true}
		client := &http.Client{Transport: signer.Transport(base, tenant, destination)}
		response, err := client.Do(post(t, server.URL, bytes.NewReader([]byte(body))))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK || got != body {
			t.Errorf("status %d, body %q", response.StatusCode, got)
		}
	})
}

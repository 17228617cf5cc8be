package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/mac"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
)

const webhooksNotes = `Verifier.Verify on a warm client: headers, time, lookup, every live key; ns per webhook
and allocations, in one goroutine. With two keys the older one made the one signature.
The floor parses the tag, makes a MAC with the key that signed over what the scheme signs
and compares, without headers, a clock or a lookup; in brackets how many times that ours
takes. The scheme's own library has its keys at hand, without a lookup; none of them knows
more than one, so the older key is tried after the newest. In brackets how many times ours
it takes. The fastest library is that of any scheme at this size: what they hash differs by
a short prefix alone. The middleware's line is allocations of a request with a recorder for
the answer; the floor is those of the same handler without the middleware.`

// Targets of a webhook.
const (
	judgedSize      = 1 << 10 // B of body, at which libraries are compared
	libraryGain     = 1.5     // times faster than the fastest library
	middlewareLimit = 3       // allocations
)

// webhookLimits are × the floor, by the size of the body.
var webhookLimits = map[int]float64{256: 1.35, judgedSize: 1.20}

func webhooks(ctx context.Context, b *run) (lines []line, err error) {
	for _, size := range []int{256, judgedSize, 64 << 10} {
		for _, keys := range []int{1, 2} {
			measured, err := webhooksOf(ctx, b, size, keys)
			if err != nil {
				return nil, err
			}
			lines = append(lines, measured...)
		}
	}
	l, err := middlewareLine(ctx)
	return append(lines, l), err
}

// webhooksOf has one line of each scheme.
func webhooksOf(ctx context.Context, b *run, size, keys int) (lines []line, err error) {
	in, err := newInbox(ctx, size, keys)
	if err != nil {
		return nil, err
	}
	defer in.client.Close()
	var contenders []contender
	for _, d := range in.deliveries {
		contenders = append(contenders,
			contender{oursName, 1, d.ours(ctx)},
			contender{"floor", 1, d.floor.loop},
			contender{d.scheme.library, 1, d.theirs})
	}
	times := medians(b.interleave(contenders))
	fastest := fastestOf(contenders, times)
	for i, d := range in.deliveries {
		name := fmt.Sprintf("%s, %s, %s", d.scheme.name, binary(size), plural(keys, "key"))
		lines = append(lines, d.line(ctx, name, [3]float64(times[3*i:]), fastest))
	}
	return lines, nil
}

// inbox is one tenant's webhooks, one of each scheme, and all that verify them.
type inbox struct {
	client     *tenantsecrets.Client
	tenant     string
	deliveries []*delivery
}

// newInbox signs as of now: the verifiers' clocks are the time.
func newInbox(ctx context.Context, size, keys int) (*inbox, error) {
	secrets, body := make([]string, keys), make([]byte, size)
	for i := range secrets {
		secrets[i] = newSecret()
	}
	_, _ = rand.Read(body)
	in := &inbox{tenant: tenantIDs(1)[0]}
	var err error
	if in.client, err = clientOf(in.tenant, secrets); err != nil {
		return nil, err
	}
	for i := range webhookSchemes {
		d, err := in.deliver(ctx, &webhookSchemes[i], secrets, body)
		if err != nil {
			in.client.Close()
			return nil, fmt.Errorf("%s: %w", webhookSchemes[i].name, err)
		}
		in.deliveries = append(in.deliveries, d)
	}
	return in, nil
}

// clientOf has one tenant with these secrets, the newest first.
func clientOf(tenant string, secrets []string) (*tenantsecrets.Client, error) {
	p := &population{backend: secretstest.New(noCallLog), document: func(tenant string) string { return document(tenant, secrets) }}
	if err := p.store(tenant); err != nil {
		return nil, err
	}
	return newClient(p.backend, unhurried)
}

// delivery is a webhook as it came in, and those who verify it.
type delivery struct {
	scheme   *webhookScheme
	tenant   string
	header   http.Header
	body     []byte
	verifier *webhook.Verifier
	library  libraryVerify
	floor    *webhookFloor
}

// deliver signs with the oldest key, and has it verified once: what cannot be is an
// error here and a panic later, and the client is warm from then on.
func (in *inbox) deliver(ctx context.Context, s *webhookScheme, secrets []string, body []byte) (d *delivery, err error) {
	d = &delivery{scheme: s, tenant: in.tenant, header: http.Header{}, body: body}
	id, now := "msg_"+rand.Text(), strconv.FormatInt(time.Now().Unix(), 10)
	prefix := s.AppendPrefix(nil, id, now)
	d.floor = newWebhookFloor(secrets, prefix, body, s.hex)
	s.Write(d.header, id, now, [][]byte{d.floor.sum()})
	if d.library, err = openLibrary(s, secrets); err != nil {
		return nil, err
	}
	scheme := func(o *webhook.Options) { o.Scheme, o.SecondScheme = s.Scheme, true } // one client serves all schemes here
	if d.verifier, err = webhook.New(in.client, scheme); err != nil {
		return nil, err
	}
	_, err = d.verifier.Verify(ctx, in.tenant, d.header, body)
	return d, errors.Join(err, d.library(d.header, body))
}

// ours, floor.loop and theirs, which is the scheme's library's, contend.
func (d *delivery) ours(ctx context.Context) func(from, n int) {
	return func(_, n int) {
		for range n {
			if _, err := d.verifier.Verify(ctx, d.tenant, d.header, d.body); err != nil {
				panic(err)
			}
		}
	}
}

func (d *delivery) theirs(_, n int) {
	for range n {
		if err := d.library(d.header, d.body); err != nil {
			panic(err)
		}
	}
}

// line judges the times of ours, of the floor and of the scheme's library.
func (d *delivery) line(ctx context.Context, name string, times [3]float64, fastest timed) line {
	ours, floor, theirs := times[0], times[1], times[2]
	allocs := allocationsOf(d.ours(ctx))
	l := line{
		Case:  name,
		Ours:  fmt.Sprintf("%s, %.0f", nanoseconds(ours), allocs),
		Floor: fmt.Sprintf("%s (%.2f ×)", nanoseconds(floor), ours/floor),
		Peers: map[string]string{
			ownLibrary:     fmt.Sprintf("%s %s, %.0f (%.2f ×)", d.scheme.library, nanoseconds(theirs), allocationsOf(d.theirs), theirs/ours),
			fastestLibrary: fmt.Sprintf("%s (%.2f ×)", fastest.name, fastest.ns/ours),
		},
	}
	if limit, judged := webhookLimits[len(d.body)]; judged {
		l.Goals = append(l.Goals, atMost(ours/floor, limit, "%.2f × the floor"))
	}
	if len(d.body) == judgedSize {
		l.Goals = append(l.Goals, atLeast(fastest.ns/ours, libraryGain, "%.2f × the fastest"))
	}
	l.Goals = append(l.Goals, none(int64(allocs), "allocations"))
	return l
}

func allocationsOf(loop func(from, n int)) float64 {
	return testing.AllocsPerRun(1000, func() { loop(0, 1) })
}

// timed is a library with its time.
type timed struct {
	name string
	ns   float64
}

// fastestOf the libraries, each of which is the third of its scheme's contenders.
func fastestOf(contenders []contender, times []float64) timed {
	fastest := timed{contenders[2].name, times[2]}
	for i := 2; i < len(times); i += 3 {
		if times[i] < fastest.ns {
			fastest = timed{contenders[i].name, times[i]}
		}
	}
	return fastest
}

// middlewareLine counts what a request allocates with the middleware and without.
func middlewareLine(ctx context.Context) (line, error) {
	in, err := newInbox(ctx, judgedSize, 1)
	if err != nil {
		return line{}, err
	}
	defer in.client.Close()
	d := in.deliveries[0]
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	without := d.allocationsIn(plain)
	with := d.allocationsIn(d.verifier.Middleware(webhook.PathTenant("tenant"))(plain))
	return line{
		Case:  fmt.Sprintf("the middleware, %s, %s", d.scheme.name, binary(judgedSize)),
		Ours:  fmt.Sprintf("%.0f allocations", with),
		Floor: fmt.Sprintf("%.0f allocations", without),
		Goals: []goal{atMost(with-without, middlewareLimit, "%.0f allocations more")},
	}, nil
}

// allocationsIn is those of a handler and of the recorder of its answer.
func (d *delivery) allocationsIn(h http.Handler) float64 {
	content := new(rewound)
	r := httptest.NewRequest(http.MethodPost, "/", content)
	r.Header, r.Body, r.ContentLength = d.header, content, int64(len(d.body))
	r.SetPathValue("tenant", d.tenant)
	return allocationsOf(func(_, _ int) {
		content.Reset(d.body)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			panic(w.Code)
		}
	})
}

// binary says a number of bytes.
func binary(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// rewound is a body that can be read again.
type rewound struct{ bytes.Reader }

func (*rewound) Close() error { return nil }

// webhookFloor is the least that a webhook costs, whatever its headers: parse the
// tag, one MAC over what is signed with the key that signed, compare.
type webhookFloor struct {
	key    mac.Key
	signed [][]byte // before the body, and the body
	tag    string
	hex    bool // the tag; else it is base64
}

// newWebhookFloor signs with the last of the secrets.
func newWebhookFloor(secrets []string, prefix, body []byte, asHex bool) *webhookFloor {
	f := &webhookFloor{signed: [][]byte{body}, hex: asHex}
	if len(prefix) > 0 {
		f.signed = [][]byte{prefix, body}
	}
	f.key = mac.NewKey([]byte(secrets[len(secrets)-1]))
	tag := f.sum()
	if f.tag = base64.StdEncoding.EncodeToString(tag); asHex {
		f.tag = hex.EncodeToString(tag)
	}
	return f
}

// sum is the tag that the key makes.
func (f *webhookFloor) sum() []byte {
	var tag [mac.Size]byte
	f.key.Sum(&tag, f.signed...)
	return tag[:]
}

func (f *webhookFloor) loop(_, n int) {
	for range n {
		if !f.verify() {
			panic("no key made the tag")
		}
	}
}

func (f *webhookFloor) verify() bool {
	var tag, sum [mac.Size]byte
	if !f.parse(&tag) {
		return false
	}
	f.key.Sum(&sum, f.signed...)
	return subtle.ConstantTimeCompare(sum[:], tag[:]) == 1
}

func (f *webhookFloor) parse(tag *[mac.Size]byte) bool {
	if f.hex {
		return mac.ParseHex(tag, f.tag)
	}
	return mac.ParseBase64(tag, f.tag)
}

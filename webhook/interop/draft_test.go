package interop_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// draft is a message on its way to be signed by somebody who has the key, and who
// need not keep to the scheme.
type draft struct {
	message
	form      form
	now       time.Time
	timestamp string // as it will be written
	hashed    string // as it is hashed; "": as written
}

// sent is a request as it was sent, and how it was made.
type sent struct {
	form    form
	now     time.Time
	header  http.Header
	body    []byte
	how     []string // the names of what strayed
	secrets []string // whose sender it is
}

func (s sent) String() string {
	return fmt.Sprintf("%q: %q and %d bytes", s.how, s.header, len(s.body))
}

// newSent makes a request with keys, the newest first, and up to two strays. Most
// have one: what it shows is then its own doing.
func newSent(t testing.TB, r *rand.Rand, f form, margin time.Duration, secrets ...string) sent {
	t.Helper()
	now := time.Now()
	d := &draft{message: newMessage(r), form: f, now: now, timestamp: strconv.FormatInt(now.Unix(), 10)}
	var how []string
	var after []stray
	for range []int{0, 1, 1, 1, 1, 1, 2}[r.IntN(7)] {
		s := strays[r.IntN(len(strays))]
		how = append(how, s.name)
		if s.draft != nil {
			s.draft(r, d, margin)
		} else {
			after = append(after, s)
		}
	}
	out := sent{f, now, d.sign(t, secrets...), d.body, how, secrets}
	for _, s := range after {
		s.sent(r, &out)
	}
	return out
}

func (d *draft) sign(t testing.TB, secrets ...string) http.Header {
	t.Helper()
	hashed := d.hashed
	if hashed == "" {
		hashed = d.timestamp
	}
	tags, err := newRing(t, secrets...).MACs(d.form.scheme.AppendPrefix(nil, d.id, hashed), d.body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	d.form.scheme.Write(h, d.id, d.timestamp, tags)
	return h
}

// rewrite changes the signature header.
func (s *sent) rewrite(change func(text string) string) {
	s.header.Set(s.form.signature, change(s.header.Get(s.form.signature)))
}

// retag changes every tag and leaves what is around it.
func (s *sent) retag(change func(tag string) string) {
	for _, tag := range s.form.tags(s.header) {
		s.rewrite(func(text string) string { return strings.ReplaceAll(text, tag, change(tag)) })
	}
}

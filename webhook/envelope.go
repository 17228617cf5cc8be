package webhook

import (
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

const (
	maxHeader = 4096 // bytes of one header that is looked at
	maxTags   = 8    // as many as a secret has live keys
)

// Envelope is what a [Scheme] finds in a request's headers. The first thing that
// is wrong with them is what counts: from then on its methods do nothing, so that
// a Scheme need not look.
type Envelope struct {
	header    http.Header
	wrong     string // "" so far
	id        string
	timestamp string // as received
	time      int64  // seconds since 1970; only where timestamp is not empty
	seen      int    // tags, the malformed ones too
	count     int    // of tags that are well formed
	tags      [maxTags][mac.Size]byte
	list      [maxTags][]byte // the first count of tags
}

// read begins with the headers and reports what is wrong with them.
func (e *Envelope) read(s Scheme, h http.Header) error {
	e.header = h
	s.Read(e)
	if e.wrong == "" && e.count == 0 {
		e.wrong = "no signature of this scheme is in its headers"
	}
	if e.wrong != "" {
		return malformed(e.wrong)
	}
	return nil
}

// reset lets go of everything that was received.
func (e *Envelope) reset() {
	e.header, e.wrong, e.id, e.timestamp = nil, "", "", ""
	e.time, e.seen, e.count = 0, 0, 0
}

// Header returns the value of a header that must be there once, with 1 to 4096
// bytes.
func (e *Envelope) Header(name string) string {
	values, ok := e.header[name]
	if !ok {
		values = e.header.Values(name) // name may be in another case
	}
	switch {
	case len(values) == 0 || values[0] == "":
		e.Refuse("a header of the scheme is missing or empty")
	case len(values) > 1:
		e.Refuse("a header of the scheme is there more than once")
	case len(values[0]) > maxHeader:
		e.Refuse("a header of the scheme is too long")
	}
	if e.wrong != "" {
		return ""
	}
	return values[0]
}

// Has tells whether there is such a header, for a scheme that has two sets of
// them.
func (e *Envelope) Has(name string) bool { return len(e.header.Values(name)) > 0 }

// ID sets the message id: printable ASCII without spaces and dots. With a dot
// in it, id.timestamp.body could be read in two ways. It must be in what the scheme
// signs: a ReplayGuard goes by it, and by the timestamp.
func (e *Envelope) ID(id string) {
	for i := range len(id) {
		if c := id[i]; c-'!' > '~'-'!' || c == '.' {
			e.Refuse("the message id has a character that none may have")
			return
		}
	}
	if id == "" {
		e.Refuse("the message id is empty")
	}
	if e.wrong == "" {
		e.id = id
	}
}

// Timestamp sets the time at which the message was signed, in seconds since
// 1970: decimal digits, the first not 0. Once it is set it is checked.
func (e *Envelope) Timestamp(seconds string) {
	t, ok := parseTimestamp(seconds)
	if !ok {
		e.Refuse("the timestamp is not in canonical decimal")
	}
	if e.wrong == "" {
		e.timestamp, e.time = seconds, t
	}
}

// Hex adds a tag of 64 lower-case hex digits. A tag that is malformed is none:
// it does not make the others worse. More than 8 are too many.
func (e *Envelope) Hex(tag string) {
	if next := e.nextTag(); next != nil && mac.ParseHex(next, tag) {
		e.count++
	}
}

// Base64 adds a tag of 44 characters of strict standard base64, as Hex does one
// of hex digits.
func (e *Envelope) Base64(tag string) {
	if next := e.nextTag(); next != nil && mac.ParseBase64(next, tag) {
		e.count++
	}
}

func (e *Envelope) nextTag() *[mac.Size]byte {
	if e.seen == maxTags {
		e.Refuse("there are too many signatures")
	}
	if e.wrong != "" {
		return nil
	}
	e.seen++
	return &e.tags[e.count]
}

// Refuse refuses the headers for a reason of the scheme's own. The reason ends
// up in logs: it must not hold anything that was received.
func (e *Envelope) Refuse(why string) {
	if e.wrong == "" {
		e.wrong = why
	}
}

// signedAt is zero where the scheme has no timestamp.
func (e *Envelope) signedAt() time.Time {
	if e.timestamp == "" {
		return time.Time{}
	}
	return time.Unix(e.time, 0)
}

// found returns the tags. The slices are made anew, for a tag's place is only
// known here.
func (e *Envelope) found() [][]byte {
	for i := range e.count {
		e.list[i] = e.tags[i][:]
	}
	return e.list[:e.count]
}

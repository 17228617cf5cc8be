package webhook

import (
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

const (
	maxHeader = 4096 // bytes
	maxTags   = 8    // the largest number of live keys of a secret
)

// Envelope collects what a [Scheme] reads from the headers of one request. The first error
// counts: after it the methods do nothing, so a Scheme need not check for errors.
type Envelope struct {
	header    http.Header
	wrong     string // the first error; empty if there is none
	id        string
	timestamp string // as received
	time      int64  // seconds since 1970, if timestamp is not empty
	seen      int    // tags, malformed ones included
	count     int    // well-formed tags
	tags      [maxTags][mac.Size]byte
	list      [maxTags][]byte // refers to tags, see found
}

// reset drops all references to what was received.
func (e *Envelope) reset() {
	e.header, e.wrong, e.id, e.timestamp = nil, "", "", ""
	e.time, e.seen, e.count = 0, 0, 0
}

// Header returns the value of a header that must be present exactly once, with 1 to 4096
// bytes. Otherwise it refuses the request and returns "".
func (e *Envelope) Header(name string) string { return e.single(e.values(name)) }

// values looks the name up as it is first, because the names of the schemes are canonical.
func (e *Envelope) values(name string) []string {
	if values, ok := e.header[name]; ok {
		return values
	}
	return e.header.Values(name)
}

func (e *Envelope) single(values []string) string {
	switch {
	case len(values) == 0 || values[0] == "":
		e.Refuse("a header of the scheme is missing or empty")
	case len(values) > 1:
		e.Refuse("a header of the scheme is present more than once")
	case len(values[0]) > maxHeader:
		e.Refuse("a header of the scheme is longer than 4096 bytes")
	}
	if e.wrong != "" {
		return ""
	}
	return values[0]
}

// Has reports whether the request has this header. A scheme with two sets of header names
// needs it to choose one.
func (e *Envelope) Has(name string) bool { return len(e.values(name)) > 0 }

// ID sets the message ID. It may contain printable ASCII except spaces and dots: with a dot
// in the ID, id.timestamp.body could be read in two ways. The scheme must sign the ID,
// because a ReplayGuard identifies messages by ID and timestamp.
func (e *Envelope) ID(id string) {
	switch {
	case id == "":
		e.Refuse("the message ID is empty")
	case !validID(id):
		e.Refuse("the message ID contains a character other than printable ASCII without spaces and dots")
	}
	if e.wrong == "" {
		e.id = id
	}
}

func validID(id string) bool {
	for len(id) >= 8 {
		if !validIDWord(id) {
			return false
		}
		id = id[8:]
	}
	for i := range len(id) {
		if c := id[i]; c-'!' > '~'-'!' || c == '.' {
			return false
		}
	}
	return true
}

// validIDWord checks the first 8 bytes at a time. IDs have some 30 bytes, and one by one they
// take as long as a look-up of a header. Each byte of a mask has its high bit set if the byte
// of the ID is out of range; a borrow from a lower byte can only follow a byte that is.
func validIDWord(id string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	_ = id[7]
	word := uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 | uint64(id[3])<<24 |
		uint64(id[4])<<32 | uint64(id[5])<<40 | uint64(id[6])<<48 | uint64(id[7])<<56
	below := word - '!'*ones        // below '!'
	above := word + (0x7f-'~')*ones // above '~'
	dot := (word ^ '.'*ones) - ones // '.'
	return (word|below|above|dot)&highs == 0
}

// Timestamp sets the time of signing, in seconds since 1970: decimal digits without leading
// zeros. The Verifier compares it with its clock.
func (e *Envelope) Timestamp(seconds string) {
	t, ok := parseTimestamp(seconds)
	if !ok {
		e.Refuse("the timestamp is not a decimal number of seconds without leading zeros")
	}
	if e.wrong == "" {
		e.timestamp, e.time = seconds, t
	}
}

// Hex adds a signature of 64 lower-case hex digits. A malformed signature is ignored: the
// others can still match. More than 8 signatures, malformed ones included, are refused.
func (e *Envelope) Hex(tag string) {
	if next := e.nextTag(); next != nil && mac.ParseHex(next, tag) {
		e.count++
	}
}

// Base64 adds a signature of 44 characters of strict standard base64, under the same rules
// as Hex.
func (e *Envelope) Base64(tag string) {
	if next := e.nextTag(); next != nil && mac.ParseBase64(next, tag) {
		e.count++
	}
}

func (e *Envelope) nextTag() *[mac.Size]byte {
	if e.seen == maxTags {
		e.Refuse("there are more than 8 signatures")
	}
	if e.wrong != "" {
		return nil
	}
	e.seen++
	return &e.tags[e.count]
}

// Refuse refuses the request for a reason of the scheme's own. The reason is logged, so it
// must not contain anything that was received.
func (e *Envelope) Refuse(why string) {
	if e.wrong == "" {
		e.wrong = why
	}
}

// signedAt returns the zero time if the scheme has no timestamp.
func (e *Envelope) signedAt() time.Time {
	if e.timestamp == "" {
		return time.Time{}
	}
	return time.Unix(e.time, 0)
}

// found returns the well-formed tags. The slices are made here and not stored earlier,
// because an Envelope may be copied before.
func (e *Envelope) found() [][]byte {
	for i := range e.count {
		e.list[i] = e.tags[i][:]
	}
	return e.list[:e.count]
}

package webhook

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/formbridge/tenantsecrets"
)

// check is the state of one verification. Checks are pooled together with their buffers
// and the method value try, so that a verification allocates nothing.
type check struct {
	envelope Envelope
	scheme   Scheme
	body     content
	try      func(tenantsecrets.Keyring) error // attempt as a function value

	buffer  []byte // of a refused body, for the next one
	prefix  []byte
	message [2][]byte // prefix and body
	tried   bool      // attempt was called
	match   bool      // the last call of attempt found the key
	kid     string
	newest  bool
}

const (
	usualPrefix = 128      // enough for an ID, a timestamp and their separators
	maxBuffer   = 64 << 10 // of a refused body that is kept
)

func newCheck(s Scheme) *check {
	c := &check{scheme: s, prefix: make([]byte, 0, usualPrefix)}
	c.try = c.attempt
	return c
}

// setBody sets the body to check, and lends it the buffer of a refused one.
func (c *check) setBody(body content) {
	c.body = body
	c.body.buffer = c.buffer
}

// takeBody returns the body of an accepted request. Its buffer is the caller's from then on.
func (c *check) takeBody() []byte {
	body := c.body.bytes
	if c.body.owned {
		c.body.buffer = nil
	}
	return body
}

// reset drops all references to what was received, except the buffer of a refused body: a
// flood of forgeries must not make garbage that slows down valid webhooks.
func (c *check) reset() {
	c.buffer = nil
	if cap(c.body.buffer) <= maxBuffer {
		c.buffer = c.body.buffer
	}
	c.envelope.reset()
	c.body = content{}
	c.message = [2][]byte{}
	c.tried, c.match, c.kid, c.newest = false, false, "", false
	if cap(c.prefix) > usualPrefix {
		c.prefix = make([]byte, 0, usualPrefix)
	}
}

// fill copies the result to m.
func (c *check) fill(m *Match) {
	m.KeyID, m.Newest, m.ID, m.Time = c.kid, c.newest, c.envelope.id, c.envelope.signedAt()
}

// attempt looks for the key that made one of the signatures. A KeySource calls it again
// after it has loaded newer keys.
func (c *check) attempt(keys tenantsecrets.Keyring) (err error) {
	c.tried, c.match = true, false
	c.prefix = c.scheme.AppendPrefix(c.prefix[:0], c.envelope.id, c.envelope.timestamp)
	c.message = [2][]byte{c.prefix, c.body.bytes}
	c.kid, c.newest, err = keys.Match(c.envelope.found(), c.message[:]...)
	c.match = err == nil
	return err
}

// digest identifies a message without an ID in a [ReplayKey].
func (c *check) digest() string {
	h := sha256.New()
	for _, part := range c.message {
		h.Write(part)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

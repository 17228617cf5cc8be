package webhook

import "github.com/formbridge/tenantsecrets"

// check is one verification. It is reused, with its method value and its
// buffers, so that a verification allocates nothing.
type check struct {
	envelope Envelope
	scheme   Scheme
	body     content
	try      func(tenantsecrets.Keyring) error // attempt

	prefix []byte
	parts  [2][]byte // prefix and body
	tried  bool
	match  bool // what the last try found
	kid    string
	newest bool
}

// usualPrefix is room for an id, a timestamp and what is between them.
const usualPrefix = 128

func newCheck(v *Verifier) *check {
	c := &check{scheme: v.options.Scheme, prefix: make([]byte, 0, usualPrefix)}
	c.try = c.attempt
	return c
}

// reset lets go of everything that was received.
func (c *check) reset() {
	c.envelope.reset()
	c.body = content{}
	c.parts = [2][]byte{}
	c.tried, c.match, c.kid, c.newest = false, false, "", false
	if cap(c.prefix) > usualPrefix {
		c.prefix = make([]byte, 0, usualPrefix)
	}
}

// fill says in m what was verified.
func (c *check) fill(m *Match) {
	m.KeyID, m.Newest, m.ID, m.Time = c.kid, c.newest, c.envelope.id, c.envelope.signedAt()
}

// attempt tries with keys. It may be called again with newer ones.
func (c *check) attempt(keys tenantsecrets.Keyring) (err error) {
	c.tried, c.match = true, false
	c.prefix = c.scheme.AppendPrefix(c.prefix[:0], c.envelope.id, c.envelope.timestamp)
	c.parts = [2][]byte{c.prefix, c.body.bytes}
	c.kid, c.newest, err = keys.Match(c.envelope.found(), c.parts[:]...)
	c.match = err == nil
	return err
}

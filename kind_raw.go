package tenantsecrets

import (
	"fmt"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// checkRaw refuses a raw kind that this client could not read. own is whether the kind has
// a Decode of its own.
func (c *Client) checkRaw(path string, own bool) error {
	switch {
	case !own:
		return fmt.Errorf("%w: the kind of %s is a JSON document, and cannot be Raw", ErrInvalidOption, quote(path))
	case c.Options().ValuesOnly:
		return fmt.Errorf("%w: the raw kind of %s needs the tag TenantId, which a client with ValuesOnly does not see", ErrInvalidOption, quote(path))
	}
	return nil
}

// ownBytes is the value of a raw secret, as it is stored. Whose it is was checked when it
// was described, and is with every description.
func (d *decoding) ownBytes() ([]byte, error) {
	stored := d.text.Text
	switch {
	case stored != "" && d.text.Binary != "":
		return nil, definite(ErrMalformed, "it is text and bytes at once, which Secrets Manager does not store")
	case stored == "":
		stored = d.text.Binary
	}
	switch {
	case stored == "":
		return nil, definite(ErrMalformed, "it is empty")
	case len(stored) > document.MaxLength:
		return nil, definite(ErrMalformed, "it has %d bytes, and at most %d can be stored", len(stored), document.MaxLength)
	case stored == document.Redaction:
		return nil, definite(ErrMalformed, "it is the text that is printed in place of a secret")
	}
	return []byte(stored), nil
}

package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// Signer signs the webhooks that you send to a tenant's destinations, each with the key of
// the destination, destinations/{name}/hmac_key. It never signs with the tenant's own key,
// which verifies incoming webhooks: a webhook of yours that somebody posts back to you is
// then signed with a key that your Verifier does not know.
//
// Make one with [NewSigner]. It is safe for concurrent use.
type Signer struct {
	client  *tenantsecrets.Client
	options SignerOptions
	clock   *clock
}

// SignerOptions are the options of [NewSigner]. The zero value of each means its default.
// NewSigner applies the functions to zero SignerOptions, in order.
type SignerOptions struct {
	// Scheme is the signature scheme. Default: StandardWebhooks(). If it allows several
	// signatures, every live key makes one, so that a receiver that has only the old key
	// still accepts the webhook.
	Scheme Scheme

	// MessageID returns the message ID of a request that [Signer.Transport] sends. Only
	// schemes that sign an ID use it. It must return the same ID each time the message is
	// sent again. Default: the request's Webhook-Id header, or a random ID if there is none.
	MessageID func(*http.Request) string

	// Now is the clock for timestamps. Default: time.Now. It must be safe for concurrent
	// use.
	Now func() time.Time
}

// NewSigner returns a Signer that takes the destinations' keys from the client. The error
// is ErrInvalidOption if client is nil.
func NewSigner(client *tenantsecrets.Client, optFns ...func(*SignerOptions)) (*Signer, error) {
	if client == nil {
		return nil, fmt.Errorf("webhook: NewSigner: %w", invalid("the client is nil"))
	}
	var o SignerOptions
	for _, fn := range optFns {
		fn(&o)
	}
	if o.Scheme == nil {
		o.Scheme = StandardWebhooks()
	}
	if o.MessageID == nil {
		o.MessageID = messageID
	}
	return &Signer{client, o, newClock(o.Now)}, nil
}

func messageID(r *http.Request) string {
	if id := r.Header.Get(standardNames.id); id != "" {
		return id
	}
	return "msg_" + rand.Text()
}

// Sign signs a message with the current time and sets the headers of the scheme in header,
// which must not be nil. id is the message ID. Use the same one each time the message is
// sent again; a scheme that signs no ID ignores it. Call Sign again for every attempt to
// send the message, because the timestamp is the time of the attempt.
//
// The error is that of [tenantsecrets.Get] for the destination's key, or ErrNoKey, or it
// says that the scheme does not allow this ID. On an error header is unchanged.
func (s *Signer) Sign(ctx context.Context, tenant, destination string, header http.Header, id string, body []byte) error {
	return s.sign(ctx, tenant, tenantsecrets.DestinationHMACKey(destination), header, id, body)
}

func (s *Signer) sign(ctx context.Context, tenant string, key tenantsecrets.Kind[tenantsecrets.Keyring], header http.Header, id string, body []byte) error {
	keys, err := tenantsecrets.Get(ctx, s.client, tenant, key)
	if err != nil {
		return err
	}
	signed, err := s.headers(keys, id, formatTimestamp(s.clock.now()), body)
	if err != nil {
		return &tenantsecrets.Error{Op: "webhook.Sign", Tenant: tenant, Err: err}
	}
	// Remove the same headers in any other case, or the request would have them twice.
	maps.DeleteFunc(header, func(name string, _ []string) bool {
		return signed[http.CanonicalHeaderKey(name)] != nil
	})
	maps.Copy(header, signed)
	return nil
}

var errMessageID = errors.New("the scheme does not allow this message ID: use printable ASCII without spaces and dots")

// headers returns the headers that the scheme writes. It reads them back, so that nothing
// is sent that this package would refuse.
func (s *Signer) headers(keys tenantsecrets.Keyring, id, timestamp string, body []byte) (http.Header, error) {
	scheme := s.options.Scheme
	prefix := scheme.AppendPrefix(nil, id, timestamp)
	tags, err := keys.MACs(prefix, body)
	if err != nil {
		return nil, err
	}
	written := http.Header{}
	scheme.Write(written, id, timestamp, tags)

	var e Envelope
	if err := readEnvelope(scheme, &e, written); err != nil || !bytes.Equal(prefix, scheme.AppendPrefix(nil, e.id, e.timestamp)) {
		return nil, errMessageID
	}
	return written, nil
}

package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// Signer signs the webhooks that go out to a tenant's destinations, each with the
// destination's own key, destinations/{name}/hmac_key. The tenant's own key, which
// verifies what comes in, is not to be had here: a webhook of ours that somebody
// posts back to us is one by a key that we do not know.
//
// Make one with [NewSigner]; it may be used by any number of goroutines.
type Signer struct {
	client  *tenantsecrets.Client
	options SignerOptions
}

// SignerOptions are what [NewSigner] can be told. The functions get them with the
// defaults in place.
type SignerOptions struct {
	// Scheme is how to sign; StandardWebhooks() by default. Where it allows several
	// signatures every live key makes one, so that a receiver that has only the old
	// key keeps working.
	Scheme Scheme

	// MessageID gives a request that [Signer.Transport] sends its message id, for the
	// schemes that sign one. It must be the same whenever the message is sent again;
	// by default it is what the request has in Webhook-Id, else a random one.
	MessageID func(*http.Request) string

	// Now is the clock of the timestamps; time.Now by default. It must be safe for
	// concurrent use.
	Now func() time.Time
}

// NewSigner returns a Signer with the destinations' keys of a client. The error is
// ErrInvalidOption.
func NewSigner(client *tenantsecrets.Client, optFns ...func(*SignerOptions)) (*Signer, error) {
	o := SignerOptions{Scheme: StandardWebhooks(), MessageID: messageID, Now: time.Now}
	for _, fn := range optFns {
		fn(&o)
	}
	switch {
	case client == nil:
		return nil, fmt.Errorf("webhook: NewSigner: %w", invalid("no client"))
	case o.Scheme == nil || o.MessageID == nil || o.Now == nil:
		return nil, fmt.Errorf("webhook: NewSigner: %w", invalid("Scheme, MessageID and Now must not be nil"))
	}
	return &Signer{client, o}, nil
}

// Sign signs a message that is about to be sent, as of now, and sets in header,
// which must not be nil, what says so. id is the message's, the same whenever it is sent again; a scheme
// that signs none ignores it. Sign again for every attempt: the timestamp is that
// of the attempt.
//
// The error is what [tenantsecrets.Get] returns for the destination's key, ErrNoKey,
// or that the scheme cannot carry the id. Then header is as it was.
func (s *Signer) Sign(ctx context.Context, tenant, destination string, header http.Header, id string, body []byte) error {
	return s.sign(ctx, tenant, tenantsecrets.DestinationHMACKey(destination), header, id, body)
}

func (s *Signer) sign(ctx context.Context, tenant string, key tenantsecrets.Kind[tenantsecrets.Keyring], header http.Header, id string, body []byte) error {
	keys, err := tenantsecrets.Get(ctx, s.client, tenant, key)
	if err != nil {
		return err
	}
	signed, err := s.headers(keys, id, formatTimestamp(s.options.Now()), body)
	if err != nil {
		return &tenantsecrets.Error{Op: "webhook.Sign", Tenant: tenant, Err: err}
	}
	maps.DeleteFunc(header, func(name string, _ []string) bool { // in another case it would be there twice
		return signed[http.CanonicalHeaderKey(name)] != nil
	})
	maps.Copy(header, signed)
	return nil
}

var errNotCarried = errors.New("the scheme cannot carry this message id: it must be printable ASCII without spaces and dots")

// headers are what the scheme writes. They are read again: what this package
// would refuse is not sent.
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
	if err := e.read(scheme, written); err != nil || !bytes.Equal(prefix, scheme.AppendPrefix(nil, e.id, e.timestamp)) {
		return nil, errNotCarried
	}
	return written, nil
}

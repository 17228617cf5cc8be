package secretstest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Options adjusts a [Backend]. The zero value of each field is its default.
type Options struct {
	// Now is the service's clock: it dates what is written, ends recovery
	// windows and fills the Date header. The default is time.Now. It is called
	// with the backend locked, so it must not call the backend.
	Now func() time.Time

	// Region is the Region of calls made in process, and of HTTP requests
	// without a credential scope. The default is us-east-1. HTTP requests use
	// the Region they are signed for; every Region has its own secrets.
	Region string

	// Account is the twelve-digit account of calls in process, and of HTTP requests
	// signed with an access key that is not among AccessKeys. The default is
	// 123456789012. Every account has its own secrets.
	Account string

	// AccessKeys is the accounts of access keys, by the id of the key.
	AccessKeys map[string]string

	// Allow is asked for every permission that a call needs, the entries of a
	// batch included; false is an AccessDeniedException. It is called with the
	// backend locked, so it must not call the backend. Nil allows everything.
	Allow func(Access) bool

	// NoCallLog leaves [Backend.Calls] empty, for a backend that serves for long.
	NoCallLog bool
}

// Backend is Secrets Manager, with the secrets of every account and Region apart.
// Make it with [New]; it needs no closing and starts no goroutine, so it works
// inside a testing/synctest bubble. It is safe for concurrent use, and shares no memory with its callers.
//
// Errors have the chain the SDK's have: *smithy.OperationError around
// *awshttp.ResponseError around the exception type of the service model, or
// *smithy.GenericAPIError for codes outside it. A context that ends during a
// call gives *smithy.CanceledError. Retries are the caller's: a call in process
// is one attempt.
type Backend struct {
	clock      func() time.Time
	region     string
	account    string
	accessKeys map[string]string
	allow      func(Access) bool

	mu      sync.Mutex // guards what follows and everything in it; never held across a wait
	vaults  map[vaultID]*vault
	lambdas map[string]RotationFunction // by ARN
	keys    map[string]KeyState         // by KmsKeyId

	faults faultList
	calls  callLog
}

// New returns an empty Backend.
func New(optFns ...func(*Options)) *Backend {
	var options Options
	for _, fn := range optFns {
		fn(&options)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Backend{
		clock:   options.Now,
		region:  cmp.Or(options.Region, "us-east-1"),
		account: cmp.Or(options.Account, "123456789012"),
		vaults:  make(map[vaultID]*vault),
		lambdas: make(map[string]RotationFunction),
		keys:    make(map[string]KeyState),

		accessKeys: maps.Clone(options.AccessKeys),
		allow:      options.Allow,
		calls:      callLog{off: options.NoCallLog},
	}
}

// Handler serves the backend in AWS JSON 1.1 over HTTP: the real SDK client,
// the AWS CLI and raw requests see the same secrets, faults and call log as
// calls in process. Signatures are not checked. Request bodies are read up to
// 1 MiB.
func (b *Backend) Handler() http.Handler {
	return http.HandlerFunc(b.serveHTTP)
}

// Format prints the backend without anything it holds, whatever the verb.
func (b *Backend) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "secretstest.Backend(redacted)")
}

// inProcess is where calls of the methods come from.
func (b *Backend) inProcess() origin {
	return origin{caller: caller{partition: partition(b.region), account: b.account}, region: b.region}
}

// vaultID is whose secrets a vault holds, and where.
type vaultID struct{ account, region string }

// vault returns the secrets of an account in a Region, with b.mu held.
func (b *Backend) vault(id vaultID) *vault {
	v := b.vaults[id]
	if v == nil {
		v = &vault{region: id.region, account: id.account, timelines: make(map[string]*timeline)}
		b.vaults[id] = v
	}
	return v
}

// vaultFor returns the vault that a SecretId means for a caller: the caller's
// own, or by an ARN another account's.
func (b *Backend) vaultFor(from origin, id *string) *vault {
	if id != nil {
		if owner, ok := arnVault(*id); ok && owner.region == from.region {
			return b.vault(owner)
		}
	}
	return b.vault(vaultID{from.caller.account, from.region})
}

package webhook

import (
	"runtime"
	"sync"
	"weak"

	"github.com/formbridge/tenantsecrets"
)

// bindings has the signed form of each client's first Verifier. It does not keep a client
// alive: an entry is removed when its client is garbage collected.
var bindings = struct {
	sync.Mutex
	signed map[weak.Pointer[tenantsecrets.Client]]string
}{signed: map[weak.Pointer[tenantsecrets.Client]]string{}}

// bind binds a client to the form that the scheme signs, for the client's lifetime. The
// error is ErrInvalidOption if the client is bound to another form. A KeySource that is
// not a client is not bound: it is unknown which other sources have the same keys.
func bind(keys KeySource, s Scheme) error {
	client, ok := keys.(*tenantsecrets.Client)
	if !ok {
		return nil
	}
	pointer, form := weak.Make(client), signedForm(s)
	bindings.Lock()
	defer bindings.Unlock()
	bound, known := bindings.signed[pointer]
	switch {
	case !known:
		bindings.signed[pointer] = form
		runtime.AddCleanup(client, unbind, pointer)
	case bound != form:
		return invalid("another Verifier of this client has a scheme that signs other bytes: give each scheme its own keys, or see Options.SecondScheme")
	}
	return nil
}

func unbind(pointer weak.Pointer[tenantsecrets.Client]) {
	bindings.Lock()
	defer bindings.Unlock()
	delete(bindings.signed, pointer)
}

// signedForm returns what the scheme signs before the body of an example message. Two
// schemes with the same form read the same ID, timestamp and body from the signed bytes.
func signedForm(s Scheme) string { return string(s.AppendPrefix(nil, "msg_1", "1767323045")) }

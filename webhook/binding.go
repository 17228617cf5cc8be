package webhook

import (
	"runtime"
	"sync"
	"weak"

	"github.com/formbridge/tenantsecrets"
)

// bindings is what the keys of each client sign, as its first Verifier has it. It does
// not keep a client alive: an entry is removed when its client is collected.
var bindings = struct {
	sync.Mutex
	signed map[weak.Pointer[tenantsecrets.Client]]string
}{signed: map[weak.Pointer[tenantsecrets.Client]]string{}}

// bind binds the client's keys to what the scheme signs, for as long as the client lives.
// The error is ErrInvalidOption where they are bound to something else. Other Keys than
// a client are not bound: of them it is not known which have keys in common.
func bind(keys Keys, s Scheme) error {
	client, ok := keys.(*tenantsecrets.Client)
	if !ok {
		return nil
	}
	pointer, signs := weak.Make(client), signedForm(s)
	bindings.Lock()
	defer bindings.Unlock()
	bound, known := bindings.signed[pointer]
	switch {
	case !known:
		bindings.signed[pointer] = signs
		runtime.AddCleanup(client, unbind, pointer)
	case bound != signs:
		return invalid("a Verifier of this client has a scheme that signs other bytes: give each scheme its own keys, or see Options.SecondScheme")
	}
	return nil
}

func unbind(pointer weak.Pointer[tenantsecrets.Client]) {
	bindings.Lock()
	defer bindings.Unlock()
	delete(bindings.signed, pointer)
}

// signedForm is what stands before the body of a message. Two schemes with the same form
// read the same id, time and body out of what was signed.
func signedForm(s Scheme) string { return string(s.AppendPrefix(nil, "msg_1", "1767323045")) }

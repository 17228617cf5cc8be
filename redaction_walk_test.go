package tenantsecrets_test

import (
	"encoding/binary"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/formbridge/tenantsecrets"
)

// walk collects all memory that reflection leads to from a value, exported or
// not, as debuggers and deep printers follow it. What a function captured and
// what an unsafe.Pointer points to are out of its reach, as of theirs.
type walk struct {
	seen   map[place]bool
	memory strings.Builder
}

type place struct {
	at  unsafe.Pointer
	of  reflect.Type
	len int
}

// reachable returns the memory as text to be searched.
func reachable(v any) string {
	w := walk{seen: map[place]bool{}}
	w.value(reflect.ValueOf(&v).Elem())
	return w.memory.String()
}

// add collects memory, and tells whether it is new.
func (w *walk) add(at unsafe.Pointer, of reflect.Type, length int) bool {
	p := place{at, of, length}
	if at == nil || w.seen[p] {
		return false
	}
	w.seen[p] = true
	w.memory.Write(unsafe.Slice((*byte)(at), length*int(of.Size())))
	w.memory.WriteByte(0) // nothing is found across two places
	return true
}

// value follows an addressable value, whose own memory is collected.
func (w *walk) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		w.add(unsafe.Pointer(unsafe.StringData(v.String())), reflect.TypeFor[byte](), v.Len())
	case reflect.Pointer:
		w.target(v.Type().Elem(), v.UnsafePointer())
	case reflect.Interface:
		if !v.IsNil() {
			w.copied(v.Elem())
		}
	case reflect.Slice:
		if w.add(v.UnsafePointer(), v.Type().Elem(), v.Len()) {
			w.elements(v)
		}
	case reflect.Array:
		w.elements(v)
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			w.copied(entry.Key())
			w.copied(entry.Value())
		}
	case reflect.Struct:
		w.fields(v)
	}
}

func (w *walk) target(t reflect.Type, at unsafe.Pointer) {
	if w.add(at, t, 1) {
		w.value(reflect.NewAt(t, at).Elem())
	}
}

// copied follows what has no address, in a copy.
func (w *walk) copied(v reflect.Value) {
	c := reflect.New(v.Type())
	c.Elem().Set(v)
	w.target(v.Type(), c.UnsafePointer())
}

func (w *walk) elements(v reflect.Value) {
	for i := range v.Len() {
		w.value(v.Index(i))
	}
}

func (w *walk) fields(v reflect.Value) {
	if t := v.Type(); t.PkgPath() == "sync/atomic" && strings.HasPrefix(t.Name(), "Pointer[") {
		target := t.Field(0).Type.Elem() // [0]*T: there for the type's sake
		w.target(target.Elem(), *(*unsafe.Pointer)(v.FieldByName("v").Addr().UnsafePointer()))
		return
	}
	for i := range v.NumField() {
		f := v.Field(i)
		w.value(reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem())
	}
}

func TestReflectionReachesNoSecret(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	for _, subject := range subjectsOf(t, secret) {
		for _, shape := range subject.shapes {
			if what := s.find(reachable(shape.value)); what != "" {
				t.Errorf("from %s as %s reflection reaches %s", subject.name, shape.name, what)
			}
		}
	}
}

func TestReflectionReachesWhatIsThere(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	state := statesOf(secret)["the outer state"]
	var words [8]uint32
	for i := range words {
		words[i] = binary.BigEndian.Uint32(state[4*i:])
	}
	var atomicPointer atomic.Pointer[string]
	atomicPointer.Store(&secret)

	for what, v := range map[string]any{
		"a string":                 secret,
		"a pointer":                unexported[*string]{&secret},
		"bytes":                    unexported[any]{[]byte(secret)},
		"a map's value":            unexported[map[int]string]{map[int]string{1: secret}},
		"a map's key":              unexported[map[string]int]{map[string]int{secret: 1}},
		"an interface":             unexported[any]{&unexported[string]{secret}},
		"a list":                   [][]any{{1, unexported[string]{secret}}},
		"an atomic pointer":        &unexported[*atomic.Pointer[string]]{&atomicPointer},
		"a state as bytes":         unexported[[32]byte]{[32]byte(state)},
		"a state behind a pointer": &unexported[*[32]byte]{(*[32]byte)(state)},
		"a state as words":         unexported[[8]uint32]{words},
		"a state as a list":        unexported[[]uint32]{words[:]},
		"a state as fields":        struct{ a, b, c, d uint32 }{words[0], words[1], words[2], words[3]},
		"a revealed Value":         unexported[string]{tenantsecrets.NewValue(secret).Reveal()},
	} {
		if s.find("before "+reachable(v)) == "" {
			t.Errorf("%s is not reached", what)
		}
	}
	closed := func() string { return secret }
	if s.find(reachable(closed)) != "" {
		t.Error("reflection reaches into a function: this test's premise is wrong")
	}
}

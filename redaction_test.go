package tenantsecrets_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/template"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// sinks are where values end up as text, errors and panics included.
var sinks = map[string]func(v any) string{
	"fmt": func(v any) string {
		var out strings.Builder
		for _, flags := range []string{"", "+", "#"} {
			for _, verb := range "vTtbcdoOqxXUeEfFgGspwzZ!" { // all there are, and some there are not
				_, _ = fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", v)
			}
		}
		return out.String() + fmt.Sprint(v) + fmt.Sprintln("text", v)
	},
	"fmt.Errorf": func(v any) string {
		err := fmt.Errorf("%v %+v %#v %s %q %x: %w", v, v, v, v, v, v, io.EOF)
		if cause, ok := v.(error); ok {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err)
	},
	"slog text": func(v any) string {
		return logged(v, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })
	},
	"slog JSON": func(v any) string {
		return logged(v, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
	},
	"encoding/json":      func(v any) string { return encoded(json.Marshal(v)) },
	"encoding/xml":       func(v any) string { return encoded(xml.Marshal(v)) },
	"go-json-experiment": func(v any) string { return encoded(jsonv2.Marshal(v)) },
	"encoding/gob": func(v any) string {
		var out bytes.Buffer
		err := gob.NewEncoder(&out).Encode(v)
		return encoded(out.Bytes(), err)
	},
	"text/template": func(v any) string {
		const text = `{{.}} {{print .}} {{printf "%#v %x" . .}} {{html .}} {{js .}} {{urlquery .}}`
		var out bytes.Buffer
		err := template.Must(template.New("").Parse(text)).Execute(&out, v)
		return encoded(out.Bytes(), err)
	},
}

func logged(v any, handler func(io.Writer) slog.Handler) string {
	var out bytes.Buffer
	log := slog.New(handler(&out))
	log.Info("message", "key", v)
	log.With("key", v).WithGroup("group").Info("message", slog.Group("inner", "key", v))
	log.Info(fmt.Sprint(v), v, v)
	return out.String()
}

func encoded(b []byte, err error) string { return fmt.Sprintf("%s\n%v\n%+v", b, err, err) }

// caught adds the text of a panic to a sink's output.
func caught(sink func(any) string, v any) (output string) {
	defer func() {
		if r := recover(); r != nil {
			output += fmt.Sprintf("%v %+v", r, r)
		}
	}()
	return sink(v)
}

func TestRedaction(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	for _, subject := range subjectsOf(t, secret) {
		for _, shape := range subject.shapes {
			for name, sink := range sinks {
				if what := s.find(caught(sink, shape.value)); what != "" {
					t.Errorf("%s as %s through %s shows %s", subject.name, shape.name, name, what)
				}
			}
		}
	}
}

// A plain string in the place of a Value is found through every sink.
func TestRedactionCanFail(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	for name, sink := range sinks {
		if s.find(caught(sink, exported[string]{secret})) == "" {
			t.Errorf("%s: a string is not found", name)
		}
	}
	for _, shapes := range [][]shape{shapesOf(secret), shapesOf(states(secret))} {
		for _, shape := range shapes {
			if printable[shape.name] && s.find(fmt.Sprintf("%v %#v", shape.value, shape.value)) == "" {
				t.Errorf("a %T is not found", shape.value)
			}
		}
	}
}

// printable are the shapes in which fmt reaches any ordinary value.
var printable = map[string]bool{
	"value": true, "exported field": true, "unexported field": true, "pointer to an exported field": true,
	"pointer to an unexported field": true, "any in an exported field": true, "any in an unexported field": true,
	"nested": true, "pointer to nested": true, "slice": true, "slice of any": true, "slice of fields": true,
	"slice in an unexported field": true, "array": true, "pointer to an array": true, "array in an unexported field": true,
	"map": true, "map of any": true, "map in an unexported field": true, "map key": true, "error": true, "pointer to an error": true,
}

// states is the state of a key as an ordinary type would have it.
func states(secret string) [2][32]byte {
	s := statesOf(secret)
	return [2][32]byte{[32]byte(s["the inner state"]), [32]byte(s["the outer state"])}
}

// everything makes cmp look into every type.
var everything = cmp.Exporter(func(reflect.Type) bool { return true })

func diffOf(v any) string { return cmp.Diff(v, nil, everything) + cmp.Diff(nil, v, everything) }

func TestDiffsAreRedacted(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	others := subjectsOf(t, newSecrets(1)[0])
	for i, subject := range subjectsOf(t, secret) {
		for j, shape := range subject.shapes {
			other := others[i].shapes[j].value
			diff := cmp.Diff(shape.value, other, everything) + cmp.Diff(other, shape.value, everything)
			if diff == "" && shape.name != "channel" {
				t.Errorf("%s as %s does not differ from another secret's", subject.name, shape.name)
			}
			if what := s.find(diff); what != "" {
				t.Errorf("a diff of %s as %s shows %s", subject.name, shape.name, what)
			}
		}
	}
	if s.find(cmp.Diff(unexported[string]{secret}, unexported[string]{}, everything)) == "" {
		t.Error("a diff of a string does not show it")
	}
}

const panicMode = "TENANTSECRETS_TEST_PANIC"

// The test binary runs itself, panics with every shape of everything, one panic
// on top of the other, and prints the stacks of all goroutines.
func TestPanicsAreRedacted(t *testing.T) {
	if mode := os.Getenv(panicMode); mode != "" {
		panicWith(shapesToPanicWith(t, mode))
		return
	}
	secret := newSecrets(1)[0]
	s := newSearch(secret)

	output := panicOutput(t, "library", secret)
	if what := s.find(output); what != "" {
		t.Errorf("a panic shows %s", what)
	}
	if printed, shapes := strings.Count(output, "panic: "), len(panicShapes(subjectsOf(t, secret))); printed < shapes {
		t.Errorf("%d shapes make %d panics", shapes, printed)
	}
	if s.find(panicOutput(t, "string", secret)) == "" {
		t.Error("a panic with a string does not show it")
	}
}

func shapesToPanicWith(t *testing.T, mode string) []shape {
	secret, err := io.ReadAll(os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	if mode == "string" {
		return []shape{{"string", failureText(secret)}}
	}
	return panicShapes(subjectsOf(t, string(secret)))
}

type failureText string

func (f failureText) Error() string { return string(f) }

func panicShapes(subjects []subject) []shape {
	var all []shape
	for _, s := range subjects {
		all = append(all, s.shapes...)
	}
	return all
}

func panicWith(shapes []shape) {
	if len(shapes) > 1 {
		defer panicWith(shapes[1:])
	}
	panic(shapes[0].value)
}

func panicOutput(t *testing.T, mode, secret string) string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicsAreRedacted$") //nolint:gosec // itself
	child.Env = append(os.Environ(), panicMode+"="+mode, "GOTRACEBACK=system")
	child.Stdin = strings.NewReader(secret)
	output, err := child.CombinedOutput()
	if child.ProcessState == nil || child.ProcessState.ExitCode() != 2 {
		t.Fatalf("the child did not die of a panic: %v", err)
	}
	return string(output)
}

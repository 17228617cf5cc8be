package document

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// mergeCase is a stored object, what is known of it, and what is to be known.
type mergeCase struct{ what, stored, known, next, want string }

var mergeCases = []mergeCase{
	{"nothing changes", `{"a":1,"x":2}`, `{"a":1}`, `{"a":1}`, `{"a":1,"x":2}`},
	{"a member changes where it is", `{"a":1,"x":2,"b":3}`, `{"a":1,"b":3}`, `{"b":4,"a":1}`, `{"a":1,"x":2,"b":4}`},
	{"a new member goes to the end", `{"a":1,"x":2}`, `{"a":1}`, `{"a":1,"b":3}`, `{"a":1,"x":2,"b":3}`},
	{"a member that was cleared is gone", `{"a":1,"x":2,"b":3}`, `{"a":1,"b":3}`, `{"a":1}`, `{"a":1,"x":2}`},
	{"what the kind does not know survives as it is", `{ "x" : {"y":[1.50e+1, null,"\u00e9\/"]} , "a":1}`, `{"a":1}`, `{"a":2}`, `{"x":{"y":[1.50e+1, null,"\u00e9\/"]},"a":2}`},
	{"a form that did not change stays", `{"port":"5432","ssl":"True","a":1}`, `{"port":5432,"ssl":true,"a":1}`, `{"port":5432,"ssl":true,"a":2}`, `{"port":"5432","ssl":"True","a":2}`},
	{"a form that did change is the kind's", `{"port":"5432"}`, `{"port":5432}`, `{"port":5433}`, `{"port":5433}`},
	{"a default that is not stored stays away", `{"a":1}`, `{"a":1,"header":"Authorization"}`, `{"a":2,"header":"Authorization"}`, `{"a":2}`},
	{"a default that is changed comes", `{"a":1}`, `{"a":1,"header":"Authorization"}`, `{"a":1,"header":"X"}`, `{"a":1,"header":"X"}`},
	{"null that is known as nothing stays", `{"ssl":null,"a":1}`, `{"a":1}`, `{"a":2}`, `{"ssl":null,"a":2}`},
	{"inside an object", `{"o":{"a":1,"x":{"y":2}},"z":3}`, `{"o":{"a":1}}`, `{"o":{"a":2}}`, `{"o":{"a":2,"x":{"y":2}},"z":3}`},
	{
		"inside an array, of the same first member", `{"k":[{"x":1,"id":"a","v":1},{"id":"b","v":1,"x":2}]}`, `{"k":[{"id":"a","v":1},{"id":"b","v":1}]}`,
		`{"k":[{"id":"c","v":3},{"id":"b","v":2},{"id":"a","v":1}]}`, `{"k":[{"id":"c","v":3},{"id":"b","v":2,"x":2},{"x":1,"id":"a","v":1}]}`,
	},
	{"an entry that is taken out takes its own along", `{"k":[{"id":"a","x":1},{"id":"b","x":2}]}`, `{"k":[{"id":"a"},{"id":"b"}]}`, `{"k":[{"id":"b"}]}`, `{"k":[{"id":"b","x":2}]}`},
	{"an entry is one entry only", `{"k":[{"id":"a","x":1}]}`, `{"k":[{"id":"a"}]}`, `{"k":[{"id":"a"},{"id":"a","v":1}]}`, `{"k":[{"id":"a","x":1},{"id":"a","v":1}]}`},
	{
		"two entries that are alike", `{"k":[{"id":"a","x":1},{"id":"a","x":2}],"b":1}`, `{"k":[{"id":"a"},{"id":"a"}],"b":1}`, `{"k":[{"id":"a"},{"id":"a"},{"id":"c"}],"b":1}`,
		`{"k":[{"id":"a","x":1},{"id":"a","x":2},{"id":"c"}],"b":1}`,
	},
	{"an array of which not all is known", `{"k":[{"id":"x"},{"id":"a","y":1}]}`, `{"k":[{"id":"a"}]}`, `{"k":[{"id":"a"},{"id":"c"}]}`, `{"k":[{"id":"a"},{"id":"c"}]}`},
	{"an array of texts", `{"s":["a", "b"]}`, `{"s":["a","b"]}`, `{"s":["b","c"]}`, `{"s":["b","c"]}`},
	{"an array that was a text", `{"s":"a b"}`, `{"s":["a","b"]}`, `{"s":["a"]}`, `{"s":["a"]}`},
	{"an array that was emptied", `{"k":[{"id":"a","x":1}]}`, `{"k":[{"id":"a"}]}`, `{}`, `{}`},
	{"an object that becomes something else", `{"o":{"a":1,"x":2}}`, `{"o":{"a":1}}`, `{"o":[1]}`, `{"o":[1]}`},
}

func TestMergeAtAnyDepth(t *testing.T) {
	for _, tt := range mergeCases {
		t.Run(tt.what, func(t *testing.T) {
			got, err := Merge(tt.stored, tt.known, tt.next)
			if err != nil || got != tt.want {
				t.Errorf("got %s, error %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestMergeAtAnyDepthRefused(t *testing.T) {
	marker := newMarker()
	for _, tt := range []struct{ what, stored, known, next, want string }{
		{"what is stored is no object", `"` + marker + `"`, `{}`, `{}`, "it is not a JSON object"},
		{"what is known is none", `{}`, `[]`, `{}`, "it is not a JSON object"},
		{"what is to be is none", `{}`, `{}`, marker, "it is not a JSON object"},
		{"a name that only its case tells from another's", `{"Owner":"` + marker + `"}`, `{}`, `{"owner":"` + marker + `"}`, "a member stands twice, in different case"},
		{"the same inside", `{"o":{"a":1,"X":"` + marker + `"}}`, `{"o":{"a":1}}`, `{"o":{"a":2,"x":3}}`, "a member stands twice, in different case"},
		{"together too long", `{"x":"` + strings.Repeat("x", 40000) + `"}`, `{}`, `{"y":"` + strings.Repeat("y", 40000) + `"}`, "it has 80015 bytes, and at most 65536 can be stored"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			_, err := Merge(tt.stored, tt.known, tt.next)
			checkSays(t, err, tt.want, marker)
		})
	}
}

// Whatever others put into a keyset, at any depth, survives each change of its keys, and
// the change is what is read.
func TestMergeLosesNothing(t *testing.T) {
	names := []string{"primary", "keys", "tenant_id", "base", "nonce", "kid", "material", "status", "created_at"}
	rapid.Check(t, func(t *rapid.T) {
		marker := "AAAABBBBCCCCDDDDEEEEFFFF"
		others, inKey := drawUnknown(t, names), drawUnknown(t, names)
		var w writer
		w.open()
		w.text("kid", "k1")
		w.rest(inKey)
		w.text("material", marker)
		w.text("status", KeyEnabled)
		w.close()
		entry := string(w.buf)
		w = writer{}
		w.open()
		w.rest(others)
		w.text("primary", "k1")
		w.raw("keys", "["+entry+","+destroyed+"]")
		w.close()
		stored := string(w.buf)

		was, err := DecodeKeyset(stored)
		if err != nil {
			t.Fatal(err)
		}
		next := Keyset{Primary: "k2", Keys: []DataKey{{KID: "k2", Material: make([]byte, 16), Status: KeyEnabled}}}
		kept := rapid.Bool().Draw(t, "k1 stays")
		if kept {
			next.Keys = append(next.Keys, DataKey{KID: "k1", Material: was.Keys[0].Material, Status: KeyDecryptOnly})
		}
		merged, err := Merge(stored, textOf(t, was), textOf(t, next))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeKeyset(merged); err != nil || !keysetKind.same(got, next) {
			t.Fatalf("the change is not what is read (%v)", err)
		}
		o, err := parseObject(merged)
		if err != nil {
			t.Fatal(err)
		}
		checkHas(t, &o, others)
		if kept {
			elements := o.list("keys")
			key, err := split(elements[1], "")
			if err != nil {
				t.Fatal(err)
			}
			checkHas(t, &key, inKey)
		}
	})
}

func textOf(t rapid.TB, k Keyset) string {
	text, err := k.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkHas(t rapid.TB, o *object, members []member) {
	for _, m := range members {
		if v, _ := o.take(m.name); string(v) != string(m.value) {
			t.Fatalf("the member %q of others is not what it was", m.name)
		}
	}
}

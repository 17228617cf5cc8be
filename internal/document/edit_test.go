package document

import (
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		set        []Member
		want       string
	}{
		{"nothing", `{"a":"1"}`, nil, `{"a":"1"}`},
		{"a member in its place", `{"a":"1","b":"2","c":"3"}`, []Member{{"b", "x"}}, `{"a":"1","b":"x","c":"3"}`},
		{"a new one behind the others", `{"a":"1"}`, []Member{{"b", "x"}}, `{"a":"1","b":"x"}`},
		{"into an empty object", `{}`, []Member{{"b", "x"}}, `{"b":"x"}`},
		{"several", `{"a":"1","b":"2"}`, []Member{{"c", "3"}, {"a", "x"}}, `{"a":"x","b":"2","c":"3"}`},
		{"one of them twice", `{"a":"1"}`, []Member{{"a", "x"}, {"b", "y"}, {"a", "z"}}, `{"a":"z","b":"y"}`},
		{"one that is no string", `{"a":{"b":["1"]},"c":null}`, []Member{{"a", "x"}}, `{"a":"x","c":null}`},
		{"to the empty string", `{"a":"1"}`, []Member{{"a", ""}}, `{"a":""}`},
		{"under the empty name", `{"":"1","a":"2"}`, []Member{{"", "x"}}, `{"":"x","a":"2"}`},
		{"one that is found by its name, however it is written", `{"\u0061":"1","b":"2"}`, []Member{{"a", "x"}}, `{"a":"x","b":"2"}`},
		{"only at the top", `{"o":{"a":"1"},"a":"2"}`, []Member{{"a", "x"}}, `{"o":{"a":"1"},"a":"x"}`},
		{"what JSON needs escaped", `{}`, []Member{{`a"b`, "x\"\\\n\u2028é"}}, `{"a\"b":"x\"\\\n` + "\u2028" + `é"}`},
		{
			"and the others stay as they are written",
			" {\n\"n\" : 1.50e+1 , \"big\":123456789012345678901234567890,\"s\":\"\\u00e9\\/\", \"l\":[ 1,\t{\"a\" : -0} ], \"b\":false}\n",
			[]Member{{"b", "x"}},
			"{\"n\":1.50e+1,\"big\":123456789012345678901234567890,\"s\":\"\\u00e9\\/\",\"l\":[ 1,\t{\"a\" : -0} ],\"b\":\"x\"}",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Edit(tt.text, tt.set...)
			if err != nil || got != tt.want {
				t.Errorf("%s, error %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestEditRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		set        []Member
		want       string
	}{
		{"no object", `["MARKER"]`, nil, "it is not a JSON object"},
		{"nothing", ``, nil, "it is not a JSON object"},
		{"an object cut short", `{"a":"MARKER"`, nil, "it is JSON cut short"},
		{"text behind it", `{"a":"MARKER"}{}`, nil, "something follows the JSON object"},
		{"a duplicate", `{"MARKER":1,"MARKER":2}`, nil, "a member stands twice"},
		{"a duplicate in another case", `{"x":{"kMARKER":1,"KMARKER":2}}`, nil, "a member stands twice, in different case"},
		{"invalid UTF-8", "{\"MARKER\":\"\xff\"}", nil, "it is not valid JSON in UTF-8"},
		{"a lone surrogate", `{"MARKER":"\ud800"}`, nil, "it is not valid JSON in UTF-8"},
		{"too long", `{"a":"` + strings.Repeat("x", MaxLength) + `"}`, nil, "it has 65544 bytes, and at most 65536 can be stored"},
		{"too long afterwards", `{"a":"MARKER"}`, []Member{{"b", strings.Repeat("x", MaxLength)}}, "it has 65583 bytes, and at most 65536 can be stored"},
		{"a member that its case alone tells from another", `{"Base":"MARKER"}`, []Member{{"base", "x"}}, "a member stands twice, in different case"},
		{"two such", `{}`, []Member{{"base", "x"}, {"BASE", "x"}}, "a member stands twice, in different case"},
		{"a value that is not UTF-8", `{"a":"MARKER"}`, []Member{{"base", "\xff"}}, "base is not valid UTF-8"},
		{"a name that is not UTF-8", `{"a":"MARKER"}`, []Member{{"\xff", "x"}}, "a member to be written is not valid UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			marker := random(t, 24)
			got, err := Edit(strings.ReplaceAll(tt.text, "MARKER", marker), tt.set...)
			if m, ok := err.(Malformed); !ok || got != "" { //nolint:errorlint // it is returned as it is
				t.Fatalf("error = %v (%T)", m, err)
			}
			if err.Error() != tt.want {
				t.Errorf("error = %q, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), marker) {
				t.Error("the error quotes the document")
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string
		present    bool
		malformed  string
	}{
		{"there", `{"a":1,"base":"v1"}`, "v1", true, ""},
		{"with escapes", `{"b\u0061se":"\u0076\n1"}`, "v\n1", true, ""},
		{"empty", `{"base":""}`, "", true, ""},
		{"absent", `{"a":"v1","x":{"base":"v2"}}`, "", false, ""},
		{"in another case", `{"Base":"v1"}`, "", false, ""},
		{"null", `{"base":null}`, "", true, "base is not a string"},
		{"a number", `{"base":1}`, "", true, "base is not a string"},
		{"no object", `"base"`, "", false, "it is not a JSON object"},
		{"twice", `{"base":"v1","base":"v2"}`, "", false, "a member stands twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, present, err := Text(tt.text, "base")
			if got != tt.want || present != tt.present {
				t.Errorf("%q, %v, want %q, %v", got, present, tt.want, tt.present)
			}
			if tt.malformed == "" != (err == nil) {
				t.Fatalf("error = %v", err)
			}
			if err != nil {
				checkMalformed(t, err, tt.malformed, "")
			}
		})
	}
}

package protobuf_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/protobuf"
)

func method() *apipb.Method {
	return &apipb.Method{Name: "order-000123", RequestTypeUrl: "customer-42", ResponseTypeUrl: "leave it at the door", RequestStreaming: true}
}

func TestMessagesAreReadAsTheyWereWritten(t *testing.T) {
	s := protobuf.Of[*apipb.Method]()
	out, err := s.Append([]byte("before"), method())
	if err != nil {
		t.Fatal(err)
	}
	want, err := proto.Marshal(method())
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != "before"+string(want) {
		t.Errorf("got %x, want %x behind what was there", out, want)
	}
	back, err := s.Decode(want)
	if err != nil || !proto.Equal(back, method()) {
		t.Errorf("got %v, %v; want %v", back, err, method())
	}
}

func TestEqualMapsHaveEqualBytes(t *testing.T) {
	v, err := structpb.NewStruct(map[string]any{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
	if err != nil {
		t.Fatal(err)
	}
	s := protobuf.Of[*structpb.Struct]()
	first, err := s.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if next, err := s.Append(nil, v); err != nil || string(next) != string(first) {
			t.Fatalf("got %x, %v; want %x", next, err, first)
		}
	}
}

func TestTheSchemaIsThatOfTheFile(t *testing.T) {
	schema, err := protobuf.Of[*descriptorpb.DescriptorProto_ExtensionRange]().(serde.Described[*descriptorpb.DescriptorProto_ExtensionRange]).Schema()
	if err != nil {
		t.Fatal(err)
	}
	if schema.Format != serde.FormatProtobuf || schema.Record != "google.protobuf.DescriptorProto.ExtensionRange" || !reflect.DeepEqual(schema.Index, []int{2, 0}) {
		t.Errorf("got %s %s %v", schema.Format, schema.Record, schema.Index)
	}
	data, err := base64.StdEncoding.DecodeString(schema.Text)
	if err != nil {
		t.Fatal(err)
	}
	var file descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(data, &file); err != nil || file.GetName() != "google/protobuf/descriptor.proto" {
		t.Errorf("got file %q, %v", file.GetName(), err)
	}
	given, err := protobuf.Of[*apipb.Method](protobuf.Source(`syntax = "proto3";`)).(serde.Described[*apipb.Method]).Schema()
	if err != nil || given.Text != `syntax = "proto3";` || !reflect.DeepEqual(given.Index, []int{1}) {
		t.Errorf("got %v, %v; want the text that was given", given, err)
	}
}

func TestBadInputIsAnError(t *testing.T) {
	s := protobuf.Of[*apipb.Method]()
	data, err := s.Append(nil, method())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Decode(data[:len(data)-3]); !errors.Is(err, protobuf.ErrMalformed) || v != nil {
		t.Errorf("got %v, %v; want ErrMalformed", v, err)
	}
	if out, err := s.Append([]byte("kept"), nil); err == nil || string(out) != "kept" {
		t.Errorf("nil was written as %q", out)
	}
	if out, err := s.Append([]byte("kept"), &apipb.Method{Name: "\xff"}); err == nil || string(out) != "kept" {
		t.Errorf("text that is not UTF-8 was written as %q", out)
	}
	if _, err := s.(serde.Described[*apipb.Method]).ForWriter(serde.Schema{Format: serde.FormatAvro}); err == nil {
		t.Error("Avro is read as protobuf")
	}
	if _, err := s.(serde.Described[*apipb.Method]).ForWriter(serde.Schema{Format: serde.FormatProtobuf}); err != nil {
		t.Error(err)
	}
	if _, err := protobuf.Of[proto.Message]().(serde.TopicBinder[proto.Message]).ForTopic("t", false); err == nil {
		t.Error("an interface has a serde")
	}
	if _, err := protobuf.Of[*dynamicpb.Message]().(serde.TopicBinder[*dynamicpb.Message]).ForTopic("t", false); err == nil {
		t.Error("a message of no type has a serde")
	}
}

func FuzzDecode(f *testing.F) {
	data, err := proto.Marshal(method())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	s := protobuf.Of[*apipb.Method]()
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := s.Decode(data)
		if err != nil {
			return
		}
		out, err := s.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Decode(out); err != nil || !proto.Equal(again, v) {
			t.Fatalf("%x was read as %v and then as %v, %v", data, v, again, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	s, v, dst := protobuf.Of[*apipb.Method](), method(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Append(dst, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	s := protobuf.Of[*apipb.Method]()
	data, err := s.Append(nil, method())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleOf() {
	s := protobuf.Of[*wrapperspb.StringValue]()
	data, _ := s.Append(nil, wrapperspb.String("ada"))
	fmt.Printf("%x\n", data)
	v, err := s.Decode(data)
	fmt.Println(v.GetValue(), err)
	// Output:
	// 0a03616461
	// ada <nil>
}

package main

import (
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func protosetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "protoset FILE",
		Short: "Write the contract as a descriptor set, for grpcurl and other generic clients",
		Long: `Write the contract as a descriptor set, with everything it imports, the details of errors and the health service.
The server offers no reflection, so generic clients need it.`,
		Example: "  muniment protoset muniment.protoset\n  grpcurl -plaintext -protoset muniment.protoset list",
		Args:    exactArgs(1, "a file to write"),
		RunE: func(_ *cobra.Command, args []string) error {
			set := &descriptorpb.FileDescriptorSet{}
			seen := map[string]bool{}
			var add func(f protoreflect.FileDescriptor)
			add = func(f protoreflect.FileDescriptor) {
				if seen[f.Path()] {
					return
				}
				seen[f.Path()] = true
				for i := range f.Imports().Len() {
					add(f.Imports().Get(i).FileDescriptor)
				}
				set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
			}
			for _, f := range []protoreflect.FileDescriptor{
				pb.File_muniment_v1_ingestion_proto, pb.File_muniment_v1_retrieval_proto, pb.File_muniment_v1_document_proto,
				pb.File_muniment_v1_directory_proto, pb.File_muniment_v1_access_proto, pb.File_muniment_v1_audit_proto, pb.File_muniment_v1_source_proto,
				pb.File_muniment_v1_operations_proto,
				errdetails.File_google_rpc_error_details_proto, healthpb.File_grpc_health_v1_health_proto,
			} {
				add(f)
			}
			b, err := proto.Marshal(set)
			if err != nil {
				return err
			}
			return os.WriteFile(args[0], b, 0o644)
		},
	}
}

using System.Buffers.Binary;
using SkiaSharp;

namespace Acm.Cli.Images;

/// <summary>The EXIF orientation of a PNG, which the decoder does not look for in one.</summary>
internal static class PngOrientation
{
    /// <summary>What the eXIf chunk says; upright where there is none, or it is broken.</summary>
    public static SKEncodedOrigin Of(ReadOnlySpan<byte> png)
    {
        // Behind the signature: chunks of a length, a type, as many bytes, and a check sum.
        for (int at = 8; at <= png.Length - 12;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png[at..]);
            if (length > png.Length - at - 12)
                break;
            if (png.Slice(at + 4, 4).SequenceEqual("eXIf"u8))
                return OfExif(png.Slice(at + 8, (int)length));
            at += 12 + (int)length;
        }
        return SKEncodedOrigin.TopLeft;
    }

    private static SKEncodedOrigin OfExif(ReadOnlySpan<byte> exif)
    {
        const int Orientation = 0x112, Short = 3, EntryBytes = 12;
        bool little = exif.StartsWith("II*\0"u8);
        if (exif.Length < 8 || !(little || exif.StartsWith("MM\0*"u8)))
            return SKEncodedOrigin.TopLeft;
        uint directory = little ? BinaryPrimitives.ReadUInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadUInt32BigEndian(exif[4..]);
        if (directory > exif.Length - 2)
            return SKEncodedOrigin.TopLeft;
        int entries = Number(exif[(int)directory..], little);
        for (ReadOnlySpan<byte> entry = exif[((int)directory + 2)..]; entries > 0 && entry.Length >= EntryBytes; entry = entry[EntryBytes..], entries--)
            if (Number(entry, little) == Orientation && Number(entry[2..], little) == Short && Number(entry[8..], little) is >= 1 and <= 8 and int origin)
                return (SKEncodedOrigin)origin;
        return SKEncodedOrigin.TopLeft;
    }

    private static int Number(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}

"""Which content types the setting `allowedContentTypes` admits: it lists names, and wildcards such as image/*.

A wildcard does not admit types with content that can run when it is opened: in a browser, such as image/svg+xml and
text/html, or on a system, such as scripts and programs. The setting must list such a type by its name.
"""

from collections.abc import Sequence

ACTIVE_TYPES = frozenset({
    # In a browser. Source: WHATWG MIME Sniffing standard, "JavaScript MIME type" and "scriptable MIME type".
    "text/html", "text/xml", "text/xsl", "text/vbscript", "text/x-component", "text/x-scriptlet", "text/cache-manifest",
    "text/ecmascript", "text/jscript", "text/livescript", "text/x-ecmascript", "text/x-javascript",
    "application/javascript", "application/x-javascript", "application/ecmascript", "application/x-ecmascript",
    "application/xml", "application/wasm", "application/hta", "application/x-shockwave-flash",
    "image/svg+xml-compressed",
    "message/rfc822", "multipart/related", "application/x-mimearchive",
    # On a system.
    "application/x-executable", "application/x-elf", "application/x-sharedlib", "application/x-pie-executable",
    "application/x-mach-binary", "application/x-msdownload", "application/x-dosexec", "application/x-msdos-program",
    "application/vnd.microsoft.portable-executable", "application/x-msi", "application/x-ms-installer",
    "application/java-archive", "application/x-java-archive", "application/java-vm", "application/x-java-jnlp-file",
    "application/vnd.android.package-archive", "application/vnd.android.dex", "application/vnd.debian.binary-package",
    "application/x-deb", "application/x-rpm", "application/x-apple-diskimage", "application/x-google-chrome-extension",
    "application/vnd.appimage", "application/x-appimage", "application/x-iso9660-appimage", "application/vnd.flatpak",
    "application/vnd.flatpak.ref", "application/vnd.snap", "application/vnd.squashfs", "application/x-xpinstall",
    "application/vnd.ms-appx", "application/appx", "application/appxbundle", "application/msix",
    "application/msixbundle", "application/vnd.ms-cab-compressed", "application/x-itunes-ipa",
    "application/vnd.ms-htmlhelp",
    "application/x-ms-application", "application/x-ms-shortcut", "application/x-mswinurl", "application/x-desktop",
    "application/x-redhat-package-manager", "application/x-debian-package",
    "application/x-sh", "application/x-shellscript", "application/x-csh", "application/x-bat", "application/x-shar",
    "application/x-powershell", "application/x-perl", "application/x-php", "application/x-httpd-php",
    "application/x-httpd-php-source", "application/x-httpd-eruby", "application/php", "application/x-python-code",
    "application/x-ruby", "application/x-awk", "application/x-lua", "application/x-tcl", "application/x-markaby",
    "text/x-shellscript", "text/x-sh", "text/x-csh", "text/x-php", "text/php", "text/x-perl", "text/x-python",
    "text/x-python3", "text/x-ruby", "text/x-lua", "text/x-tcl", "text/tcl", "text/x-sagemath", "text/x-scons",
})  # fmt: skip


def media_type(content_type: str) -> str:
    """Return the type and subtype without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_active(content_type: str) -> bool:
    """Return whether content of this type can run when it is opened."""
    plain = media_type(content_type)
    # text/javascript1.5 and similar types are JavaScript; a browser runs XHTML or SVG in an XML document.
    return plain in ACTIVE_TYPES or plain.endswith("+xml") or plain.startswith("text/javascript")


def is_named(content_type: str, allowed: Sequence[str]) -> bool:
    """Return whether the list has the type's own name."""
    plain = media_type(content_type)
    return any(each.lower() == plain for each in allowed)


def is_allowed(content_type: str, allowed: Sequence[str]) -> bool:
    """Return whether the list admits the type; an empty list admits all types."""
    if not allowed or is_named(content_type, allowed):
        return True
    wildcard = f"{media_type(content_type).partition('/')[0]}/*"
    return not is_active(content_type) and any(each.lower() == wildcard for each in allowed)

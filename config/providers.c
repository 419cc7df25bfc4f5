/* What the providers say themselves about their submission servers. Where one offers both ports,
 * TLS from the first byte is preferred (RFC 8314 section 3). */
#include "config/providers.h"

#include "base/slice.h"

#define APP_PASSWORD                                                                               \
    "it wants an app password, made in the settings of the account, not that of the account"
#define SWITCH_ON "access by IMAP and SMTP must first be switched on in its settings on the web"

#define IMPLICIT .port = 465, .implicit = true
#define STARTTLS .port = 587

static const struct providers_row table[] = {
    {"Gmail", "gmail.com googlemail.com google.com", "smtp.gmail.com", IMPLICIT,
     .note = "it wants an app password (myaccount.google.com/apppasswords), for which 2-step "
             "verification must be on; the password of the account is refused"},
    {"Outlook.com",
     "outlook.com hotmail.com live.com msn.com passport.com windowslive.com outlook.at outlook.be "
     "outlook.cl outlook.co.id outlook.co.th outlook.com.ar outlook.com.au outlook.com.br "
     "outlook.cz outlook.de outlook.dk outlook.es outlook.fr outlook.hu outlook.ie outlook.in "
     "outlook.it outlook.jp outlook.kr outlook.lv outlook.my outlook.ph outlook.pt outlook.sa "
     "outlook.sg outlook.sk hotmail.be hotmail.ca hotmail.ch hotmail.co.uk hotmail.com.ar "
     "hotmail.com.br hotmail.de hotmail.dk hotmail.es hotmail.fi hotmail.fr hotmail.gr hotmail.it "
     "hotmail.nl hotmail.no hotmail.se live.at live.be live.ca live.cl live.cn live.co.uk "
     "live.co.za live.com.ar live.com.au live.com.mx live.com.pt live.de live.dk live.fi live.fr "
     "live.ie live.in live.it live.jp live.nl live.no live.ru live.se",
     "smtp-mail.outlook.com", STARTTLS,
     .note = "it takes OAuth tokens only, no passwords: auth = xoauth2, and a password_command "
             "that prints a token"},
    {"Microsoft 365", "office365.com microsoft.com", "smtp.office365.com", STARTTLS,
     .note = "its administrator must permit SMTP AUTH for the mailbox; where passwords are "
             "refused: auth = xoauth2, and a password_command that prints a token"},
    {"Yahoo",
     "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.uk "
     "yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.hk yahoo.com.mx yahoo.com.ph yahoo.com.sg "
     "yahoo.com.tw yahoo.com.vn yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in "
     "yahoo.it yahoo.no yahoo.pl yahoo.ro yahoo.se",
     "smtp.mail.yahoo.com", IMPLICIT, .note = APP_PASSWORD},
    {"AOL", "aol.com aim.com aol.co.uk aol.de aol.fr aol.it love.com games.com wow.com",
     "smtp.aol.com", IMPLICIT, .note = APP_PASSWORD},
    {"Verizon", "verizon.net", "smtp.verizon.net", IMPLICIT, .note = APP_PASSWORD},
    {"AT&T", "att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net",
     "smtp.mail.att.net", IMPLICIT,
     .note = "it wants a secure mail key, made in the settings of the account"},
    {"Comcast", "comcast.net", "smtp.comcast.net", IMPLICIT,
     .note = "access by other programs must first be switched on in its settings on the web"},
    {"iCloud Mail", "icloud.com me.com mac.com", "smtp.mail.me.com", STARTTLS,
     .note = "it wants an app-specific password (account.apple.com), for which two-factor "
             "authentication must be on"},
    {"Fastmail",
     "fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.co.uk fastmail.de fastmail.us "
     "sent.com messagingengine.com",
     "smtp.fastmail.com", IMPLICIT, .note = APP_PASSWORD},
    {"GMX", "gmx.net gmx.de gmx.at gmx.ch gmx.li gmx.org gmx.eu gmx.biz gmx.info", "mail.gmx.net",
     IMPLICIT, .note = SWITCH_ON},
    {"GMX", "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es", "mail.gmx.com", IMPLICIT, .note = SWITCH_ON},
    {"WEB.DE", "web.de email.de", "smtp.web.de", STARTTLS, .note = SWITCH_ON},
    {"mail.com", "mail.com email.com usa.com", "smtp.mail.com", STARTTLS,
     .note = "access by other programs belongs to its paid accounts"},
    {"Telekom", "t-online.de magenta.de", "securesmtp.t-online.de", IMPLICIT,
     .note = "it wants the password for e-mail programs, not that of the account"},
    {"freenet", "freenet.de freenetmail.de", "mx.freenet.de", IMPLICIT},
    {"Posteo",
     "posteo.de posteo.net posteo.org posteo.eu posteo.com posteo.at posteo.be posteo.ch posteo.co "
     "posteo.dk posteo.es posteo.fr posteo.it posteo.me posteo.nl posteo.pl posteo.uk posteo.us",
     "posteo.de", IMPLICIT},
    {"mailbox.org", "mailbox.org", "smtp.mailbox.org", IMPLICIT},
    {"Zoho Mail", "zoho.com zohomail.com", "smtp.zoho.com", IMPLICIT, .note = APP_PASSWORD},
    {"Zoho Mail", "zoho.eu zohomail.eu", "smtp.zoho.eu", IMPLICIT, .note = APP_PASSWORD},
    {"Zoho Mail", "zoho.in zohomail.in", "smtp.zoho.in", IMPLICIT, .note = APP_PASSWORD},
    {"Proton Mail", "proton.me protonmail.com protonmail.ch pm.me", "127.0.0.1", .port = 1025,
     .note = "it is reached through its Bridge, which must run on this machine; user and password "
             "are those that Bridge shows, and tls_ca_file must name the certificate that it "
             "exports"},
    {"Tuta", "tutanota.com tutanota.de tutamail.com tuta.com tuta.io keemail.me", NULL,
     .note = "it takes no mail by SMTP"},
    {"Mail.ru", "mail.ru inbox.ru list.ru bk.ru internet.ru", "smtp.mail.ru", IMPLICIT,
     .note = APP_PASSWORD},
    {"Yandex", "yandex.com yandex.ru yandex.by yandex.kz yandex.uz ya.ru", "smtp.yandex.com",
     IMPLICIT, .note = APP_PASSWORD},
    {"IONOS", "ionos.de 1und1.de online.de onlinehome.de", "smtp.ionos.de", IMPLICIT},
    {"IONOS", "ionos.com 1and1.com", "smtp.ionos.com", IMPLICIT},
    {"IONOS", "ionos.co.uk", "smtp.ionos.co.uk", IMPLICIT},
    {"IONOS", "ionos.fr", "smtp.ionos.fr", IMPLICIT},
    {"IONOS", "ionos.es", "smtp.ionos.es", IMPLICIT},
    {"IONOS", "ionos.it", "smtp.ionos.it", IMPLICIT},
    {"STRATO", "strato.de strato.com", "smtp.strato.de", IMPLICIT},
    {"OVHcloud", "ovh.net ovh.com ovhcloud.com", "ssl0.ovh.net", IMPLICIT},
    {"Gandi", "gandi.net", "mail.gandi.net", IMPLICIT},
    {"Infomaniak", "infomaniak.com ik.me ikmail.com etik.com", "mail.infomaniak.com", IMPLICIT,
     .note = "it wants a device password where two-factor authentication is on"},
    {"Migadu", "migadu.com", "smtp.migadu.com", IMPLICIT},
    {"Hetzner", "hetzner.com hetzner.de your-server.de", "mail.your-server.de", IMPLICIT},
    {"Hostinger", "hostinger.com", "smtp.hostinger.com", IMPLICIT},
    {"Rackspace", "rackspace.com emailsrvr.com", "secure.emailsrvr.com", IMPLICIT},
    {"Namecheap", "privateemail.com namecheap.com", "mail.privateemail.com", IMPLICIT},
    {"Purelymail", "purelymail.com", "smtp.purelymail.com", IMPLICIT, .note = APP_PASSWORD},
    {"Runbox", "runbox.com", "mail.runbox.com", IMPLICIT},
    {"Mailfence", "mailfence.com", "smtp.mailfence.com", IMPLICIT,
     .note = "access by other programs belongs to its paid accounts"},
    {"Disroot", "disroot.org", "disroot.org", IMPLICIT},
    {"Riseup", "riseup.net", "mail.riseup.net", IMPLICIT},
    {"Orange", "orange.fr wanadoo.fr", "smtp.orange.fr", IMPLICIT, .note = SWITCH_ON},
    {"Free", "free.fr", "smtp.free.fr", IMPLICIT},
    {"SFR", "sfr.fr neuf.fr", "smtp.sfr.fr", IMPLICIT},
    {"La Poste", "laposte.net", "smtp.laposte.net", IMPLICIT},
    {"Libero", "libero.it", "smtp.libero.it", IMPLICIT, .note = APP_PASSWORD},
    {"Bluewin", "bluewin.ch", "smtpauths.bluewin.ch", IMPLICIT},
    {"Seznam", "seznam.cz email.cz post.cz", "smtp.seznam.cz", IMPLICIT},
    {"WP", "wp.pl", "smtp.wp.pl", IMPLICIT, .note = SWITCH_ON},
    {"o2", "o2.pl", "poczta.o2.pl", IMPLICIT, .note = SWITCH_ON},
    {"Onet", "onet.pl op.pl vp.pl onet.eu", "smtp.poczta.onet.pl", IMPLICIT, .note = SWITCH_ON},
    {"Interia", "interia.pl interia.eu", "poczta.interia.pl", IMPLICIT},
    {"QQ Mail", "qq.com foxmail.com", "smtp.qq.com", IMPLICIT,
     .note = "it wants an authorization code, made in its settings on the web"},
    {"NetEase 163", "163.com", "smtp.163.com", IMPLICIT,
     .note = "it wants an authorization code, made in its settings on the web"},
    {"NetEase 126", "126.com", "smtp.126.com", IMPLICIT,
     .note = "it wants an authorization code, made in its settings on the web"},
    {"Naver", "naver.com", "smtp.naver.com", IMPLICIT, .note = SWITCH_ON},
};

const struct providers_row *providers_table(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const struct providers_row *providers_find(const char *domain)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice rest = slice_of(table[i].domains), word;
        while (slice_cut_word(&rest, &word)) {
            if (slice_equals_nocase(word, slice_of(domain)))
                return &table[i];
        }
    }
    return NULL;
}

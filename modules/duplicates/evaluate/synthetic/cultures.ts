/**
 * Names of five cultures as clerks meet them, with their spellings, the commonest first. A name in
 * another script stands after its Latin spellings. All people made of them are invented.
 */

export interface Culture {
  readonly name: string;
  /** Names by sex; each with its spellings. */
  readonly male: readonly (readonly string[])[];
  readonly female: readonly (readonly string[])[];
  /** Family names; none where the father's and grandfather's names stand in their place. */
  readonly family: readonly (readonly string[])[];
  /** Syllables of rarer names. */
  readonly syllables: readonly string[];
}

const names = (text: string): string[][] =>
  text.split(' ').map((spellings) => spellings.split('/'));

export const CULTURES: readonly Culture[] = [
  {
    name: 'somali',
    male: names(
      'Mohamed/Maxamed/Muhammad/محمد Ahmed/Axmed/أحمد Ali/Cali/علي Hassan/Xasan/حسن Abdi/Cabdi ' +
        'Ibrahim/Ibraahim/إبراهيم Omar/Cumar/عمر Yusuf/Yuusuf/يوسف Ismail/Ismaaciil/إسماعيل Hussein/Xuseen/حسين ' +
        'Abdullahi/Cabdullaahi/عبدالله Osman/Cismaan/عثمان Farah/Faarax Jama/Jaamac Adan/Aadan/Aden ' +
        'Nur/Nuur/Noor Warsame Abdirahman/Cabdiraxmaan Mahad Muse/Muuse/موسى Said/Siciid/سعيد Bile Guled/Guuleed',
    ),
    female: names(
      'Fatima/Fadumo/Faadumo/Fatuma/فاطمة Amina/Aamina/آمنة Halima/Xaliimo/حليمة Maryan/Maryam/مريم Khadija/Khadiijo/خديجة ' +
        'Asha/Caasha/عائشة Hawa/Xaawo/حواء Safiya/Safiyo/صفية Zahra/Sahra/زهراء Hodan/Hoodan Nimo/Nimco ' +
        'Sahra/Zahra Faiza/Faisa Ubah/Ubax Hibo Ifrah/Ifraax Deqa Ladan/Laadan Habiba/Xabiibo Ayan/Ayaan',
    ),
    family: [],
    syllables: 'ba da du fa ga gu ha ka la ma na ra sa si wa ya lul bur dow'.split(' '),
  },
  {
    name: 'swahili',
    male: names(
      'John/Jon Peter/Petro Joseph/Yosefu David/Daudi James Daniel/Danieli Samuel/Samweli Paul/Paulo Simon/Simoni ' +
        'Juma/Jumaa Hamisi/Khamis Salim/Saleem Bakari/Bakary Emmanuel/Emanuel Stephen/Steven George Patrick ' +
        'Moses/Musa Francis/Fransis Charles Isaac/Isaka Elias Joshua Michael/Mikael',
    ),
    female: names(
      'Mary/Maria Grace/Gres Esther/Ester Ruth/Rut Elizabeth/Elisabeth Jane/Jeni Sarah/Sara Neema/Nema Rehema Zawadi ' +
        'Mwanaisha/Mwanaasha Halima/Halimah Agnes/Agness Margaret/Magreti Joyce/Joice Rose/Roza Lucy/Lusi Catherine/Katarina ' +
        'Beatrice Fatuma/Fatma Rachel/Raheli Anna/Ana Consolata Pendo',
    ),
    family: names(
      'Otieno/Otyeno Ochieng/Ocheng Wanjiku/Wanjico Kamau/Kamao Mwangi/Mwanghi Njoroge/Njorogeh Odhiambo/Odiambo Mutua/Mutuah ' +
        'Kariuki/Karioki Wambui/Wamboi Kiprop/Kiprup Cheruiyot/Cheruyot Achieng/Acheng Nyambura Makori Barasa/Baraza Wekesa/Wekeza ' +
        'Simiyu/Simiu Mushi Kimaro Massawe/Masawe Mwakyusa Lyimo Chacha/Chasha Marwa Onyango/Onyangoh Okello/Okelo Auma Akinyi/Akini',
    ),
    syllables: 'wa mu ka nja ngu ki lo mbe ru to sha ndi ku ma ri cho'.split(' '),
  },
  {
    name: 'amharic',
    male: names(
      'Abebe/Ababa/አበበ Tesfaye/Tesfaie/ተስፋዬ Haile/Hayle/ኃይሌ Girma/Ghirma/ግርማ Bekele/Bekelle/በቀለ Kebede/Kebedde/ከበደ ' +
        'Alemu/Alemo/ዓለሙ Getachew/Getachu/ጌታቸው Mulugeta/ሙሉጌታ Yohannes/Yohanes/ዮሐንስ Solomon/ሰለሞን Daniel/ዳንኤል ' +
        'Mekonnen/Mekonen/መኮንን Tadesse/Tadese/ታደሰ Worku/ወርቁ Dawit/ዳዊት Berhanu/Birhanu/ብርሃኑ',
    ),
    female: names(
      'Almaz/አልማዝ Tigist/Tigest/ትዕግስት Meseret/መሠረት Hana/Hanna/ሐና Selam/ሰላም Aster/አስቴር Genet/ገነት Mulu/ሙሉ ' +
        'Birtukan/Bertukan/ብርቱካን Zenebech/Zenebch/ዘነበች Worknesh/ወርቅነሽ Alemitu/Alemetu/ዓለሚቱ Abeba/አበባ Yeshi/የሺ Tsehay/Sehay/ፀሐይ',
    ),
    family: [],
    syllables: 'be de ge ke le me ne te wo ya zu ta mi fi'.split(' '),
  },
  {
    name: 'bengali',
    male: names(
      'Abdul/Abdool/আব্দুল Mohammad/Mohammed/মোহাম্মদ Rahim/Raheem/রহিম Karim/Kareem/করিম Jamal/Jomal/জামাল Kamal/Komol/কামাল ' +
        'Shahid/Shaheed/শহীদ Hasan/Hassan/হাসান Rafiq/Rofik/রফিক Anwar/Anowar/আনোয়ার Faruk/Farooq/ফারুক Nazrul/Nozrul/নজরুল ' +
        'Salam/Salaam/সালাম Habib/হাবিব Alamgir/Alomgir/আলমগীর',
    ),
    female: names(
      'Fatema/Fatima/ফাতেমা Ayesha/Aysha/আয়েশা Khadija/Khodeja/খাদিজা Rahima/Rohima/রহিমা Nasima/Nasheema/নাসিমা Salma/সালমা ' +
        'Shirin/Shireen/শিরিন Rokeya/Rokeia/রোকেয়া Jahanara/জাহানারা Momtaz/Mumtaz/মমতাজ Parvin/Parveen/পারভীন Taslima/Toslima/তাসলিমা',
    ),
    family: names(
      'Hossain/Hussain/Hossen/হোসেন Islam/ইসলাম Uddin/Uddeen/উদ্দিন Begum/Begam/বেগম Khatun/Khatoon/খাতুন Akter/Akhter/আক্তার ' +
        'Miah/Mia/মিয়া Sarkar/Sorkar/সরকার Rahman/Rohman/রহমান Ali/আলী Khan/খান Chowdhury/Choudhury/চৌধুরী Mondal/Mandal/মন্ডল',
    ),
    syllables: 'ra sha mi na bu ro ta ha ja mo ku li su ne'.split(' '),
  },
  {
    name: 'sahel',
    male: names(
      'Mamadou/Mamadu/Mahamadou Moussa/Musa Ibrahima/Ibrahim Ousmane/Usman Abdoulaye/Abdulai Amadou/Ahmadou Boubacar/Bubakar ' +
        'Seydou/Saidu Souleymane/Suleiman Adama Issa/Isa Cheikh/Sheikh Aliou/Aliu Modou/Modu Yaya/Yahya Idrissa/Idrisa',
    ),
    female: names(
      'Fatoumata/Fatumata/Fatou Aminata/Aminatou Mariam/Mariama Aissata/Aissatou Kadiatou/Kadidiatou Oumou/Umu Awa/Hawa Hawa/Awa ' +
        'Rokia/Rokiatou Salimata/Salimatou Bintou/Binta Djeneba/Jeneba Nafissatou/Nafisatu Assetou/Asetou Ramata/Ramatou',
    ),
    family: names(
      'Diallo/Jallow/Dialo Traore/Traoré/Trawally Coulibaly/Kulibali Keita/Keïta Diarra/Jarra Toure/Touré Sow/So Ba/Bah Camara/Kamara ' +
        'Cisse/Cissé/Ceesay Diop/Jobe Ndiaye/Njie Sidibe/Sidibé Kone/Koné Ouedraogo/Wedraogo Sawadogo Barry/Bari Sangare/Sangaré Konate/Konaté',
    ),
    syllables: 'dia fo gou ka ma ny si tou ba lé di ou ko'.split(' '),
  },
];
